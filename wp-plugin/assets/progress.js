/**
 * What is being waited for on a slow line, and how far it has come.
 */

/** Milliseconds between two looks. */
const PAUSE = 1000;

/** Milliseconds between two announcements to screen readers. */
const ANNOUNCEMENT_PAUSE = 10000;

/** Milliseconds between two judgements whether what is read is what the browser is loading anyway. */
const JUDGEMENT_PAUSE = 500;

/** After so many it is not: a busy computer may take a moment to hand on what is there. */
const JUDGEMENTS = 3;

export default ( { widgets, configuration, text, announcement, add, identify, getToken, load } ) => {
	const megabytes = ( bytes ) => ( bytes / 1e6 ).toLocaleString( document.documentElement.lang || undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 } );
	const fill = ( sentence, ...values ) => sentence.replace( /%(\d)\$s/g, ( gap, number ) => values[ number - 1 ] );

	const sizes = new Map();

	/** The sizes of a copy's files, as `make elements` notes them beside these. */
	function sizesOf( { elements } ) {
		const url = elements.replace( '{file}', 'sizes.json' );
		if ( ! sizes.has( url ) ) {
			sizes.set( url, fetch( url ).then( ( answer ) => ( answer.ok ? answer.json() : {} ) ).catch( () => ( {} ) ) );
		}
		return sizes.get( url );
	}

	const meters = new Map();

	/** How much of a script is there: { read, of }, as far as it can be known. Nobody tells how far a script element is. */
	function measure( file ) {
		const url = configuration.elements.replace( '{file}', file );
		if ( ! meters.has( url ) ) {
			const meter = { read: 0, of: 0 };
			meters.set( url, meter );
			// On Box's own host no other site may look.
			if ( configuration.selfHosted ) {
				read( url, file, meter ).catch( () => {} );
			}
		}
		return meters.get( url );
	}

	/**
	 * Reads along while the browser loads a script. Browsers join two requests for the same file that may be kept: what
	 * has come so far is there at once. Where it is not, the file would come twice, and this gives up.
	 */
	async function read( url, file, meter ) {
		const stop = new AbortController();
		const response = await fetch( url, { signal: stop.signal } );
		if ( ! response.ok || /no-store/.test( response.headers.get( 'Cache-Control' ) ) ) {
			return stop.abort();
		}
		sizesOf( configuration ).then( ( { [ file ]: bytes } ) => {
			meter.of = bytes > 0 ? bytes : Number( ! response.headers.get( 'Content-Encoding' ) && response.headers.get( 'Content-Length' ) );
		} );
		const reader = response.body.getReader();
		let bytes = 0;
		let before = 0;
		let looks = 0;
		const judge = setInterval( () => {
			// What had come came at once: since then it is at most half as quick.
			const joined = looks > 0 && before > 0 && bytes - before <= before / 2 / looks;
			if ( joined ) {
				meter.joined = true;
				meter.read = bytes;
			} else if ( looks === JUDGEMENTS ) {
				stop.abort();
			}
			if ( joined || looks === JUDGEMENTS ) {
				clearInterval( judge );
			}
			before = bytes;
			looks++;
		}, JUDGEMENT_PAUSE );
		for ( let part = await reader.read(); ! part.done; part = await reader.read() ) {
			bytes += part.value.length;
			if ( meter.joined ) {
				meter.read = bytes;
			}
		}
	}

	/** Whether a script was asked for: not before it is known that somebody is there. */
	function isLoading( file ) {
		const { href } = new URL( configuration.elements.replace( '{file}', file ), location.href );
		return [ ...document.scripts ].some( ( { src } ) => src === href );
	}

	/** The sentence about Box's script. */
	function aboutBox( file ) {
		const { read: there, of } = measure( file );
		if ( ! there || there >= of ) {
			return text.loadingBox;
		}
		return fill( text.loadingPart, megabytes( there ), megabytes( of ) );
	}

	// The first announcement was made when loading began.
	let announced = performance.now();

	function announce( sentence, urgent = false ) {
		if ( sentence && announcement.textContent !== sentence && ( urgent || performance.now() - announced >= ANNOUNCEMENT_PAUSE ) ) {
			announced = performance.now();
			announcement.textContent = sentence;
		}
	}

	/** Follows a widget until it is there or has failed. Nothing is asked for here that was not asked for before. */
	function follow( container, slow ) {
		const widget = widgets.get( container );
		const { run, element, descriptor } = widget;
		const file = element + '.js';
		const awaited = { site: true };
		const arrived = ( what ) => () => {
			awaited[ what ] = false;
		};
		identify().then( () => getToken( descriptor ) ).then( arrived( 'site' ), () => {} );
		const status = container.querySelector( ':scope > .widgets-for-box-status' );
		const line = add( container, 'p', { className: 'widgets-for-box-status widgets-for-box-progress' } );
		const look = () => {
			if ( widget.run !== run || ! line.isConnected ) {
				return clearInterval( timer );
			}
			if ( awaited.box === undefined && isLoading( file ) ) {
				awaited.box = true;
				load( file, configuration ).then( arrived( 'box' ), () => {} );
			}
			const said = [ awaited.site && text.loadingSite, awaited.box && aboutBox( file ) ].filter( Boolean ).join( ' · ' );
			const waited = performance.now() - run.began;
			line.textContent = said && fill( text.since, said, Math.round( waited / 1000 ) );
			if ( awaited.site && waited > slow && status.textContent === text.loading ) {
				status.textContent = text.slow;
				announce( text.slow, true );
			} else {
				announce( said );
			}
		};
		const timer = setInterval( look, PAUSE );
		setTimeout( look );
	}

	return { follow };
};
