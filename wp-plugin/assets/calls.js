/**
 * How many calls to Box this browser makes, by kind: Box's plans have so many a month.
 *
 * The site is told with the next request for a token, and believes it for statistics alone. Until then they are kept,
 * without a word of who made them: the last ones of a page are told by the next one.
 */

/** Where the numbers are kept. */
const KEY = 'widgetsForBoxCalls';

/** What a report can say at most of each kind. */
const MOST = 100000;

/** Whose hosts send what previews show; that is no call of the interface. */
const CONTENT = /\.boxcloud\.com$/;

const LISTS = /^(folders\/\d+(\/items)?|recent_items|collections\/\d+\/items)$/;
const CHANGEABLE = /^(files|folders|web_links|comments|tasks|task_assignments|annotations|collaborations)\b/;

/** The kind of a call, as the sidecar counts them; null for what is no call of Box's interface. */
export function kindOf( { method = 'get', url, params } ) {
	const { hostname, pathname, searchParams } = new URL( url, location.href );
	const [ , upload, path ] = /\/(api\/)?2\.0\/(.+)$/.exec( pathname ) || [];
	if ( ! path || CONTENT.test( hostname ) ) {
		return null;
	}
	const said = ( name ) => params?.[ name ] ?? searchParams.get( name );
	const reads = /^get$/i.test( method );
	if ( reads && ( said( 'fields' ) === 'download_url' || /\/content$/.test( path ) ) ) {
		return 'download';
	}
	if ( upload || ( ! reads && /^files\/([^/]+\/)?(content|upload_sessions)\b/.test( path ) ) ) {
		return 'upload';
	}
	if ( path === 'search' ) {
		return 'search';
	}
	if ( reads ) {
		return LISTS.test( path ) && said( 'limit' ) ? 'list' : 'read';
	}
	return /^(post|put|delete|patch)$/i.test( method ) && CHANGEABLE.test( path ) ? 'change' : 'other';
}

export default ( { events, configuration } ) => {
	/** Where nothing can be kept, this page's own numbers. */
	let own = {};

	function read() {
		try {
			const kept = JSON.parse( localStorage.getItem( KEY ) );
			return Object.fromEntries( Object.entries( Object( kept ) ).filter( ( [ , number ] ) => number > 0 ) );
		} catch {
			return own;
		}
	}

	function keep( calls ) {
		own = calls;
		try {
			if ( Object.keys( calls ).length ) {
				localStorage.setItem( KEY, JSON.stringify( calls ) );
			} else {
				localStorage.removeItem( KEY );
			}
		} catch {}
	}

	function add( more ) {
		const calls = read();
		for ( const [ kind, number ] of Object.entries( more ) ) {
			calls[ kind ] = Math.min( MOST, ( calls[ kind ] || 0 ) + number );
		}
		keep( calls );
	}

	/** Counts a request, as axios describes it, at the moment in which it is sent. */
	function count( request ) {
		try {
			const kind = kindOf( request );
			if ( kind ) {
				add( { [ kind ]: 1 } );
			}
		} catch {
			// What has no address reaches nobody; and no statistics are worth a request.
		}
	}

	// A download is no request of the Element's but a frame with an address that carries the token; it tells of it once or twice.
	const told = new WeakSet();
	document.addEventListener( 'widgets-for-box:download', ( { detail } ) => {
		if ( Object( detail ) === detail && ! told.has( detail ) ) {
			told.add( detail );
			add( { download: Array.isArray( detail ) ? detail.length : 1 } );
		}
	} );

	// What two requests at once, of whatever tabs, would both tell, the first one takes along.
	events.addEventListener( 'ask', ( { detail: asked } ) => {
		const calls = read();
		keep( {} );
		asked.report = { page: configuration.page, calls };
		asked.follow = ( answered ) => answered.then( ( { response } ) => response.ok || response.headers.get( 'Box-Report' ) || add( calls ), () => add( calls ) );
	} );

	return { count };
};
