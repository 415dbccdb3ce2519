/**
 * The status panel of the settings page, "try as this user", and the look-up on profile pages.
 *
 * @package
 */
( function( wp ) {
	'use strict';

	const { apiFetch } = wp;
	const { __, sprintf } = wp.i18n;

	const SPACE = '/widgets-for-box/v1/';

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

	async function fillPanel( panel ) {
		try {
			const { checks } = await apiFetch( { path: SPACE + 'status' } );
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

	/** Does something on a button's click and says beside it how it went. */
	function onClick( button, act ) {
		button.addEventListener( 'click', async () => {
			const result = button.parentNode.querySelector( '[data-result]' );
			button.disabled = true;
			result.textContent = '…';
			try {
				result.textContent = await act();
			} catch ( error ) {
				result.textContent = explanation( error );
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
			return __( 'Nobody on this site has this user name. Type a part of it and choose one.', 'widgets-for-box' );
		}
		const { user } = await apiFetch( { path: SPACE + 'trial', method: 'POST', data: { user: found.get( login ) } } );
		/* translators: 1: name, 2: login and 3: id of a Box user. */
		return sprintf( __( 'Sees the files of %1$s (%2$s, id %3$s).', 'widgets-for-box' ), user.name, user.login, user.id );
	}

	async function lookUp( text ) {
		if ( ! text.includes( '@' ) ) {
			return __( 'Only logins can be looked up. Use “Try as this user” in the settings to see whose id it is.', 'widgets-for-box' );
		}
		const user = await apiFetch( { path: SPACE + 'account?login=' + encodeURIComponent( text ) } );
		/* translators: 1: name, 2: login, 3: id and 4: status of a Box user. */
		return sprintf( __( 'Found: %1$s (%2$s, id %3$s, %4$s)', 'widgets-for-box' ), user.name, user.login, user.id, user.status );
	}

	document.querySelectorAll( '[data-check]' ).forEach( fillPanel );
	document.querySelectorAll( '[data-people]' ).forEach( offerPeople );
	document.querySelectorAll( '[data-try]' ).forEach( ( button ) => onClick( button, tryAs ) );
	document.querySelectorAll( '[data-look-up]' ).forEach( ( button ) => {
		onClick( button, () => lookUp( document.getElementById( button.dataset.lookUp ).value.trim() ) );
	} );
}( window.wp ) );
