/**
 * The path and the status panel of the settings page, "try as this user", the look-up of everybody, and that on profile
 * pages.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { apiFetch } = wp;
	const { __, sprintf } = wp.i18n;

	const SPACE = '/widgets-for-box/v1/';

	/** Whether somebody would get a token. */
	const YES = __( 'Yes.', 'widgets-for-box' );
	const NO = __( 'No.', 'widgets-for-box' );

	/** Seconds until the look-up is gone on with where nobody says when. */
	const LATER = 30;

	/** What the status of a check is called. */
	const STATUS = {
		pass: __( 'All right', 'widgets-for-box' ),
		warn: __( 'Worth a look', 'widgets-for-box' ),
		fail: __( 'Needs mending', 'widgets-for-box' ),
	};

	function add( parent, tag, properties ) {
		const node = Object.assign( document.createElement( tag ), properties );
		parent.append( node );
		return node;
	}

	function explanation( error ) {
		return [ error.message, error.data?.fix ].filter( Boolean ).join( ' ' );
	}

	/** Whether each step was last to be open. */
	const opens = new Map();
	document.querySelectorAll( '[data-step]' ).forEach( ( step ) => opens.set( step, step.querySelector( 'details' ).open ) );

	/** Shows how far the path has come. What somebody has opened or folded stays so, unless that has changed. */
	function showSteps( steps ) {
		opens.forEach( ( opened, step ) => {
			const { state, label, text, open } = steps[ step.dataset.step ];
			step.querySelector( '[data-label]' ).textContent = label;
			step.querySelector( '[data-text]' ).textContent = text;
			if ( step.dataset.state !== state || open !== opened ) {
				step.dataset.state = state;
				step.querySelector( 'details' ).open = open;
				opens.set( step, open );
			}
		} );
	}

	async function fillPanel( panel ) {
		try {
			const { checks, steps } = await apiFetch( { path: SPACE + 'status' } );
			showSteps( steps );
			panel.replaceChildren();
			const list = add( panel, 'ul', {} );
			checks.forEach( ( { status, summary, fix } ) => {
				const item = add( list, 'li', { className: 'is-' + status } );
				add( item, 'strong', { textContent: STATUS[ status ] } );
				add( item, 'span', { textContent: summary } );
				if ( fix && status !== 'pass' ) {
					add( item, 'p', { textContent: fix } );
				}
			} );
		} catch ( error ) {
			panel.replaceChildren();
			add( panel, 'p', { textContent: explanation( error ) } );
		}
	}

	/** Does something on a button's click and says beside it how it went, after a word for "yes" and one for "no". */
	function onClick( button, act, yes = '', no = '' ) {
		button.addEventListener( 'click', async () => {
			const result = button.parentNode.querySelector( '[data-result]' );
			button.disabled = true;
			result.className = '';
			result.textContent = '…';
			try {
				result.textContent = ( yes + ' ' + await act() ).trim();
				result.className = 'widgets-for-box-answer is-yes';
			} catch ( error ) {
				result.textContent = ( no + ' ' + explanation( error ) ).trim();
				result.className = 'widgets-for-box-answer is-no';
			}
			button.disabled = false;
		} );
	}

	/** Ids of the people who were found, by user name. */
	const found = new Map();

	/** People whose user name, name or address contains a text, at most ten. */
	async function findPeople( text ) {
		const query = new URLSearchParams( { context: 'edit', search: text, per_page: 10, _fields: 'id,name,username' } );
		const people = await apiFetch( { path: '/wp/v2/users?' + query } );
		people.forEach( ( { id, username } ) => found.set( username, id ) );
		return people;
	}

	/** Offers people whom the text in a field may mean. The browser shows and announces them as for any field. */
	function offerPeople( field ) {
		let waiting;
		field.addEventListener( 'input', () => {
			clearTimeout( waiting );
			waiting = setTimeout( async () => {
				const text = field.value.trim();
				const people = text ? await findPeople( text ).catch( () => [] ) : [];
				if ( text === field.value.trim() ) {
					field.list.replaceChildren();
					people.forEach( ( { username, name } ) => add( field.list, 'option', { value: username, label: name } ) );
				}
			}, 250 );
		} );
	}

	async function tryAs() {
		const login = document.getElementById( 'widgets-for-box-try' ).value.trim();
		if ( login && ! found.has( login ) ) {
			await findPeople( login );
		}
		if ( ! found.has( login ) ) {
			throw new Error( __( 'Nobody on this site has this user name. Type a part of it and choose one.', 'widgets-for-box' ) );
		}
		return tryId( found.get( login ) );
	}

	async function tryId( id ) {
		const { user } = await apiFetch( { path: SPACE + 'trial', method: 'POST', data: { user: id } } );
		/* translators: 1: name, 2: login and 3: id of a Box user. */
		return sprintf( __( 'Sees the files of %1$s (%2$s, id %3$s).', 'widgets-for-box' ), user.name, user.login, user.id );
	}

	async function lookUp( text ) {
		if ( ! text.includes( '@' ) ) {
			throw new Error( __( 'Only logins can be looked up. Use “Try as this user” in the settings to see whose id it is.', 'widgets-for-box' ) );
		}
		const user = await apiFetch( { path: SPACE + 'account?login=' + encodeURIComponent( text ) } );
		/* translators: 1: name, 2: login, 3: id and 4: status of a Box user. */
		return sprintf( __( 'Found: %1$s (%2$s, id %3$s, %4$s)', 'widgets-for-box' ), user.name, user.login, user.id, user.status );
	}

	const seconds = ( count ) => new Promise( ( resolve ) => setTimeout( resolve, 1000 * count ) );

	/**
	 * Goes on with the look-up of everybody while the page is looked at, at the pace that the site sets. It is announced
	 * each tenth of the way: each batch would be too often.
	 */
	async function lookUpPeople( box ) {
		const result = box.querySelector( '[data-result]' );
		let announced = '';
		const announce = ( about ) => {
			if ( announced !== about ) {
				announced = about;
				box.querySelector( '[role="status"]' ).textContent = result.textContent;
			}
		};
		for ( let due = 1, begun = true; due && begun; ) {
			let wait = LATER;
			try {
				const progress = document.hidden ? { due, wait, begun } : await apiFetch( { path: SPACE + 'coverage', method: 'POST' } );
				( { due, wait, begun } = progress );
				if ( progress.total ) {
					Object.assign( box.querySelector( 'progress' ), { max: progress.total, value: progress.total - due } );
					/* translators: 1 and 2: numbers. */
					const text = sprintf( __( '%1$s of %2$s are looked up.', 'widgets-for-box' ), progress.total - due, progress.total );
					result.textContent = ( text + ' ' + progress.message ).trim();
					announce( Math.floor( 10 * ( 1 - ( due / progress.total ) ) ) + progress.message );
				}
			} catch ( error ) {
				result.textContent = explanation( error );
				announce( result.textContent );
			}
			if ( due && begun ) {
				await seconds( Math.max( 1, wait ) );
			}
		}
		// No reload: somebody may be typing.
		result.append( ' ' );
		add( result, 'a', { href: window.location.href, textContent: __( 'Show who was found', 'widgets-for-box' ) } );
		announce( 'end' );
	}

	/** Shows the button that copies the command before it. Without leave to copy, the command is chosen instead. */
	function offerCopy( button ) {
		const command = button.parentNode.querySelector( 'code' );
		button.hidden = false;
		button.addEventListener( 'click', async () => {
			try {
				await window.navigator.clipboard.writeText( command.textContent );
				button.textContent = __( 'Copied', 'widgets-for-box' );
			} catch {
				const { ownerDocument } = command;
				ownerDocument.defaultView.getSelection().selectAllChildren( command );
			}
		} );
	}

	const panels = document.querySelectorAll( '[data-check]' );
	panels.forEach( fillPanel );
	document.querySelectorAll( '[data-recheck]' ).forEach( ( link ) => {
		link.addEventListener( 'click', ( event ) => {
			if ( panels.length ) {
				event.preventDefault();
				panels.forEach( ( panel ) => {
					panel.replaceChildren();
					add( panel, 'p', { textContent: __( 'Asking the sidecar…', 'widgets-for-box' ) } );
					fillPanel( panel );
				} );
			}
		} );
	} );
	document.querySelectorAll( '[data-people]' ).forEach( offerPeople );
	document.querySelectorAll( '[data-try]' ).forEach( ( button ) => onClick( button, tryAs, YES, NO ) );
	document.querySelectorAll( '[data-try-id]' ).forEach( ( button ) => {
		onClick( button, () => tryId( Number( button.dataset.tryId ) ), YES, NO );
	} );
	document.querySelectorAll( '[data-look-up]' ).forEach( ( button ) => {
		onClick( button, () => lookUp( document.getElementById( button.dataset.lookUp ).value.trim() ) );
	} );
	document.querySelectorAll( '[data-look-up-people]' ).forEach( lookUpPeople );
	document.querySelectorAll( '[data-copy]' ).forEach( offerCopy );
}( window.wp ) );
