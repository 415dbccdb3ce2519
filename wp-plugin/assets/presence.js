/**
 * Whether the person is still there, and the connection: what is noticed by itself, and goes on by itself.
 */

/** Milliseconds to wait before something that failed is tried again, the first time and at most. */
const PAUSE = 10000;
const LONGEST_PAUSE = 300000;

/** Failures that pass. */
const PASSING = new Set( [
	'site', 'broken', 'box', 'elements', 'offline', 'refused', 'box_unavailable', 'sidecar_timeout', 'sidecar_unreachable', 'sidecar_bad_answer', 'rate_limited', 'box_rate_limited', 'tokens_revoked',
] );

/** Failures that the person mends in Box, or another widget by making the folder, and that are over then. */
const MENDED = [ 'folder_not_found', 'path_ambiguous' ];

export default async ( { widgets, events, configuration, Failure, text, identify, identifyAgain, start, explain, part } ) => {
	const { resume } = await part( 'notices' );
	let pause = PAUSE;
	let timer;

	function resumeThose( codes ) {
		widgets.forEach( ( { code }, container ) => codes.has( code ) && resume( container ) );
	}

	/** Asks who is there now. What was shown to somebody else goes by itself. */
	async function look() {
		if ( document.hidden || ! navigator.onLine ) {
			return;
		}
		try {
			await identifyAgain();
			resumeThose( new Set( [ 'rest_not_logged_in', ...MENDED, ...PASSING ] ) );
		} catch {
			// Until it is known, nobody gets a token; then it is said why.
		}
	}

	/** Tries again from time to time, as long as anybody looks. */
	function wait() {
		clearTimeout( timer );
		timer = setTimeout( () => {
			const failed = [ ...widgets.values() ].some( ( { code } ) => PASSING.has( code ) );
			pause = failed ? Math.min( pause * 2, LONGEST_PAUSE ) : PAUSE;
			if ( failed && ! document.hidden && navigator.onLine ) {
				resumeThose( PASSING );
			}
			wait();
		}, pause );
	}

	let looking = null;

	function lookOnce() {
		looking ??= look().finally( () => {
			looking = null;
		} );
	}

	/** What was begun in the language of whoever was here before begins anew. */
	function checkLanguage() {
		let name;
		try {
			name = localStorage.widgetsForBox;
		} catch {}
		const own = configuration.pageLanguage ?? configuration.language;
		const spoken = ( said ) => ( said?.includes( '/' ) ? said : own );
		widgets.forEach( ( { run, language }, container ) => run && language !== undefined && spoken( language ) !== spoken( name ) && start( container ) );
	}

	identify().then( checkLanguage, () => {} );
	document.addEventListener( 'visibilitychange', lookOnce );
	window.addEventListener( 'focus', lookOnce );
	window.addEventListener( 'pageshow', ( event ) => event.persisted && lookOnce() );
	// Another tab has found out that somebody logged in or out.
	window.addEventListener( 'storage', ( { key } ) => key === 'widgetsForBox' && lookOnce() );
	window.addEventListener( 'online', lookOnce );
	window.addEventListener( 'offline', () => widgets.forEach( ( { run, box }, container ) => (
		run && box && explain( container, new Failure( 'offline', text.offline ) )
	) ) );
	events.addEventListener( 'token', () => setTimeout( resumeThose, 0, new Set( [ 'site', 'box_unavailable', 'sidecar_timeout', 'sidecar_unreachable', 'sidecar_bad_answer', 'tokens_revoked', ...MENDED ] ) ) );
	wait();
};
