/**
 * How an Element looks and begins, as its author chose.
 */

/** What authors may choose (class-options.php), and what Box calls it. Nothing else that a page says reaches an Element. */
const OPTIONS = {
	type: 'type',
	extensions: 'extensions',
	max: 'maxSelectable',
	view: 'defaultView',
	sort: 'sortBy',
	order: 'sortDirection',
	choose: 'chooseButtonLabel',
	cancel: 'cancelButtonLabel',
	logo: 'logoUrl',
	folders: 'isFolderUploadEnabled',
	limit: 'fileLimit',
};

/** Texts, lists of them, numbers and yes: authors can write containers by hand, too. */
function isValue( value ) {
	return value === true || value > 0 || [ value ].flat().every( ( text ) => typeof text === 'string' );
}

export default () => ( said ) => Object.fromEntries(
	Object.keys( OPTIONS ).filter( ( name ) => isValue( said[ name ] ) ).map( ( name ) => [ OPTIONS[ name ], said[ name ] ] ),
);
