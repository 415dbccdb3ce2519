/**
 * The person's language where it is not the page's: a page is the same for everybody, and may come out of a cache.
 */

/** Milliseconds for which a widget waits for its sentences; without them it speaks the page's language. */
const PATIENCE = 2000;

export default ( { widgets, configuration, text, announcement, load } ) => {
	const page = { ...configuration, text: { ...text } };
	const ownTexts = page.language.split( '/' )[ 1 ];

	// From here on the loader asks before each start.
	Object.assign( configuration, { language: null, pageLanguage: page.language } );

	const known = new Map();

	/** Sentences in a language; undefined if there are none to be had. */
	function fetchTexts( locale ) {
		if ( ! known.has( locale ) ) {
			known.set( locale, fetch( page.textsIn.replace( '{locale}', locale ), { credentials: 'omit' } )
				.then( ( response ) => ( response.ok ? response.json() : undefined ) )
				.catch( () => known.delete( locale ) && undefined ) );
		}
		return known.get( locale );
	}

	/** The name that a container had in the page. */
	const labels = new WeakMap();

	/** Says in which language a widget's own sentences are, and in which direction they run. */
	function mark( node, locale, texts ) {
		if ( texts ) {
			node.lang = locale.replaceAll( '_', '-' );
			node.dir = texts.rtl ? 'rtl' : 'ltr';
		} else {
			node.removeAttribute( 'lang' );
			node.removeAttribute( 'dir' );
		}
	}

	/** Says of the Elements in a container what language they are in, as soon as they are there. */
	function markElement( container ) {
		const element = container.querySelector( ':scope > .widgets-for-box-element' );
		if ( element ) {
			element.lang = configuration.locale;
		}
	}

	/** Takes sentences over; what is said already is said anew. */
	function adopt( container, locale, texts ) {
		const { element } = widgets.get( container );
		const status = container.querySelector( ':scope > .widgets-for-box-status' );
		for ( const said of [ status, announcement ] ) {
			if ( said && [ page.text.loading, text.loading ].includes( said.textContent ) ) {
				said.textContent = texts?.text.loading || page.text.loading;
			}
		}
		Object.assign( text, page.text, texts?.text );
		if ( ! labels.has( container ) ) {
			labels.set( container, container.getAttribute( 'aria-label' ) );
			new MutationObserver( () => markElement( container ) ).observe( container, { childList: true } );
		}
		if ( ! ( 'titled' in container.dataset ) ) {
			container.setAttribute( 'aria-label', texts?.labels[ element ] || labels.get( container ) );
		}
		mark( container, locale, texts );
		mark( announcement, locale, texts );
		// Where the script of pickers reads its own.
		const data = document.querySelector( 'script#widgets-for-box-configuration' );
		const { language, locale: spoken, elements } = page;
		data.textContent = JSON.stringify( { ...configuration, language, locale: spoken, elements, text: page.text, picker: texts?.picker || page.picker } );
	}

	/** Has a widget speak its language, as the site has named it with the nonce, or as it was remembered. */
	async function speak( container ) {
		const { element, language } = widgets.get( container );
		const [ , elements, locale ] = /^([a-z]{2}-[A-Z]{2})\/([A-Za-z]{2,3}(?:_\w{2,20})?)?$/.exec( language ) || [];
		configuration.locale = elements || page.locale;
		configuration.elements = elements ? page.elementsIn.replace( '{locale}', elements ) : page.elements;
		if ( element && container.dataset.state === 'loading' ) {
			// What takes longest need not wait for the sentences; what waits for its button waits with all of it.
			load( element + '.js', configuration ).catch( () => {} );
		}
		const late = new Promise( ( resolve ) => setTimeout( resolve, PATIENCE ) );
		const texts = locale && locale !== ownTexts ? fetchTexts( locale ) : undefined;
		const isCurrent = () => widgets.get( container )?.language === language;
		const inTime = await Promise.race( [ texts, late ] );
		if ( isCurrent() ) {
			adopt( container, locale, inTime );
			texts?.then( ( arrived ) => isCurrent() && adopt( container, locale, arrived ) );
		}
	}

	return { speak };
};
