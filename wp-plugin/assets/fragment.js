/**
 * The open folder in the page's address: Back goes one folder up, Reload and a sent link open the same one.
 *
 * `#box=0.123,2.456`: the first explorer of the page shows folder 123, the third one 456.
 */
export default ( { widgets, configuration, getToken, part } ) => {
	/** Which folder each explorer shows. */
	const places = new Map();

	const explorers = () => [ ...document.querySelectorAll( '.widgets-for-box-explorer[data-widget]' ) ];
	const isOurs = () => /^#box=\d+\.\d+(,\d+\.\d+)*$/.test( location.hash );

	/** The folder that the address names for an explorer, else the explorer's own. */
	function wanted( container ) {
		const pairs = isOurs() ? location.hash.slice( '#box='.length ).split( ',' ).map( ( pair ) => pair.split( '.' ) ) : [];
		const pair = pairs.find( ( [ number ] ) => Number( number ) === explorers().indexOf( container ) );
		return pair ? pair[ 1 ] : widgets.get( container ).id;
	}

	/** The address with the folders that are open now. */
	function address() {
		const pairs = explorers().map( ( container, number ) => {
			const place = places.get( container ) || ( widgets.has( container ) && wanted( container ) );
			return place && place !== widgets.get( container ).id ? number + '.' + place : '';
		} ).filter( Boolean );
		return location.pathname + location.search + ( pairs.length ? '#box=' + pairs.join( ',' ) : '' );
	}

	/** Marks an entry of the history as ours: others are anchors of the page. */
	const marked = () => ( { ...history.state, widgetsForBox: true } );

	/** Whether a folder is below the widget's, as Box tells this person. */
	async function isInside( { descriptor, id }, folder ) {
		const { token } = await getToken( descriptor );
		const url = `${ configuration.hosts.apiHost }/2.0/folders/${ folder }?fields=id,path_collection`;
		part( 'calls' ).then( ( { count } ) => count( { url } ), () => {} );
		const answer = await fetch( url, { headers: { Authorization: 'Bearer ' + token } } );
		const { path_collection: path } = answer.ok ? await answer.json() : {};
		return Boolean( path ) && ( id === '0' || path.entries.some( ( parent ) => parent.id === id ) );
	}

	async function reachable( container ) {
		const widget = widgets.get( container );
		const folder = wanted( container );
		return folder === widget.id || await isInside( widget, folder ).catch( () => false ) ? folder : widget.id;
	}

	/** With which option an explorer opens. */
	async function opening( container ) {
		const named = wanted( container );
		const folder = await reachable( container );
		places.set( container, folder );
		if ( folder !== named ) {
			history.replaceState( marked(), '', address() );
		}
		// Who was sent to a folder wants that, and not what they had opened last.
		return { currentFolderId: folder, ...( folder !== widgets.get( container ).id && { defaultView: 'files' } ) };
	}

	document.addEventListener( 'widgets-for-box:navigate', ( { target, detail } ) => {
		const folder = String( detail?.id );
		if ( ! places.has( target ) || places.get( target ) === folder || ! /^\d+$/.test( folder ) ) {
			return;
		}
		places.set( target, folder );
		history.replaceState( marked(), '' );
		history.pushState( marked(), '', address() );
	} );

	window.addEventListener( 'popstate', ( { state } ) => {
		if ( ! state?.widgetsForBox && ! isOurs() ) {
			return;
		}
		places.forEach( async ( before, container ) => {
			const box = widgets.get( container )?.box;
			const folder = box && wanted( container ) !== before && await reachable( container );
			if ( folder && folder !== before ) {
				places.set( container, folder );
				box.navigateTo( folder );
			}
		} );
	} );

	return { opening };
};
