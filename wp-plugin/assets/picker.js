/**
 * What was chosen in a picker: a list under it, and hidden fields for the form around it.
 *
 * The picker itself goes on holding what was selected in it, and hands over all of that each time. So what is new
 * is added, what was unselected goes, and what was removed from the list stays away.
 */
( function() {
	'use strict';

	/** For each picker's container: its list, what is in it, and what the picker holds. */
	const pickers = new WeakMap();

	let text;

	/** Class of buttons: the site's, or the admin area's. */
	let look;

	function add( parent, tag, properties ) {
		const node = Object.assign( document.createElement( tag ), properties );
		parent.append( node );
		return node;
	}

	function key( { type, id } ) {
		return type + '/' + id;
	}

	function without( items, others ) {
		const keys = others.map( key );
		return items.filter( ( item ) => ! keys.includes( key( item ) ) );
	}

	/** A file's extension tells people more than that it is a file. */
	function kind( { type, name } ) {
		const [ , extension ] = /[^.]\.([^.\s]{1,8})$/.exec( name ) || [];
		return type === 'file' && extension ? extension.toUpperCase() : text[ type ] || '';
	}

	/** What belongs to a container, made when it is first needed. */
	function of( container ) {
		if ( ! pickers.has( container ) ) {
			// WordPress 6.4 wraps it for XHTML.
			( { picker: text, button: look } = JSON.parse( document.querySelector( 'script#widgets-for-box-configuration' ).textContent.replace( /^[^{]+|[^}]+$/g, '' ) ) );
			const box = document.createElement( 'div' );
			box.className = 'widgets-for-box-chosen';
			box.tabIndex = -1;
			box.setAttribute( 'role', 'group' );
			box.setAttribute( 'aria-label', text.chosen );
			const list = add( box, 'ul', {} );
			const status = add( box, 'p', { className: 'widgets-for-box-announcement' } );
			status.setAttribute( 'role', 'status' );
			container.after( box );
			pickers.set( container, { box, list, status, items: [], held: [] } );
			// A picker that starts anew holds nothing.
			new MutationObserver( () => {
				pickers.get( container ).held = [];
			} ).observe( container, { attributeFilter: [ 'data-state' ] } );
		}
		return pickers.get( container );
	}

	function show( container ) {
		const { list, items } = of( container );
		const { name } = container.dataset;
		list.replaceChildren();
		items.forEach( ( item ) => {
			const row = add( list, 'li', {} );
			add( row, 'span', { className: 'widgets-for-box-chosen-name', textContent: item.name } );
			add( row, 'span', { className: 'widgets-for-box-chosen-kind', textContent: kind( item ) } );
			const button = add( row, 'button', { className: look, type: 'button', textContent: text.remove } );
			button.setAttribute( 'aria-label', text.removeItem.replace( '%s', () => item.name ) );
			button.addEventListener( 'click', () => remove( container, item ) );
			if ( name ) {
				add( row, 'input', { type: 'hidden', name: name + '[]', value: key( item ) } );
			}
		} );
	}

	function choose( container, detail ) {
		const picker = of( container );
		const added = without( detail, picker.held );
		const gone = without( picker.held, detail );
		const kept = without( without( picker.items, gone ), added );
		// Who chooses the same once more wants back what they had removed.
		const items = added.length || gone.length ? [ ...kept, ...added ] : [ ...without( picker.items, detail ), ...detail ];
		const max = Number( container.dataset.max ) || items.length;
		picker.held = detail;
		picker.items = items.slice( Math.max( 0, items.length - max ) );
		show( container );
		picker.status.textContent = text.count.replace( '%d', picker.items.length );
	}

	function remove( container, item ) {
		const picker = of( container );
		const place = picker.items.indexOf( item );
		picker.items.splice( place, 1 );
		show( container );
		picker.status.textContent = text.removed.replace( '%s', () => item.name );
		const buttons = picker.list.querySelectorAll( 'button' );
		( buttons[ Math.min( place, buttons.length - 1 ) ] || picker.box ).focus();
	}

	document.addEventListener( 'widgets-for-box:choose', ( { target, detail } ) => choose( target, detail ) );

	document.addEventListener( 'reset', ( { target } ) => {
		target.querySelectorAll( '.widgets-for-box-picker' ).forEach( ( container ) => {
			if ( pickers.has( container ) ) {
				of( container ).items = [];
				show( container );
			}
		} );
	} );
}() );
