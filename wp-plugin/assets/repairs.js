/**
 * What Box UI Elements leave out for people who see or point little: names, focus in dialogs, and what was opened.
 *
 * It sets attributes and moves the focus; what React has drawn stays as it is.
 */

/** Milliseconds within which a menu that has closed takes the focus to itself, after the dialog that it opened. */
const MENU_CLOSES = 150;

/** Milliseconds after a dialog within which the list has been drawn anew. */
const DRAWN = 3000;

const DIALOG = '.ReactModal__Content';

export default ( { widgets, text, announcement } ) => {
	/** Gives a name to what has none. */
	function name( nodes, label ) {
		nodes.forEach( ( node ) => node.hasAttribute( 'aria-label' ) || node.setAttribute( 'aria-label', label ) );
	}

	function repair( container ) {
		const all = ( selector ) => container.querySelectorAll( selector );
		name( all( '[role="progressbar"]:not([aria-labelledby])' ), text.loading );
		name( all( '.be-logo svg[role="img"]' ), 'Box' );
		name( all( '.be-modal-input-group > input' ), text.link );
		name( all( 'select.bce-shared-access-select, select.bcp-shared-access-select' ), text.access );
	}

	/** For each open dialog what had the focus before. */
	const dialogs = new Map();

	/** What had the focus last, outside of dialogs; of a menu the button that it belongs to, which a pointer does not focus. */
	let last = null;

	document.addEventListener( 'focusin', ( { target } ) => {
		const menu = target.closest( '[role="menu"]' );
		if ( ! target.closest( DIALOG ) ) {
			last = ( menu && document.getElementById( menu.getAttribute( 'aria-labelledby' ) ) ) || target;
		}
	} );

	function open( dialog, container ) {
		dialogs.set( dialog, { container, before: last, key: last?.closest( '[role="row"]' )?.dataset.key } );
		// The menu behind it takes the focus back; without it, neither Escape nor Tab reach the dialog.
		setTimeout( () => {
			if ( dialog.isConnected && ! dialog.contains( dialog.ownerDocument.activeElement ) ) {
				( dialog.querySelector( '[data-autofocus], input:not([type="file"]), button:enabled' ) || dialog ).focus();
			}
		}, MENU_CLOSES );
	}

	/** Who is to have the focus back, until somebody points elsewhere. */
	let owed = null;

	document.addEventListener( 'pointerdown', () => {
		owed = null;
	} );

	/** Gives the focus back, as often as a list that is drawn anew loses it. */
	function giveBack() {
		const { container, before, key, until } = owed;
		if ( Date.now() > until || ! container.isConnected ) {
			owed = null;
		} else if ( container.ownerDocument.activeElement === document.body ) {
			// Of a list the row: where a button in it gets the focus, the list passes it on to another row.
			const row = key && [ ...container.querySelectorAll( '[role="row"]' ) ].find( ( { dataset } ) => dataset.key === key );
			const found = row || ( container.contains( before ) && before ) || container.querySelector( '[role="grid"]' );
			found?.focus( { preventScroll: true } );
		}
	}

	/** Looks once a frame, however much has changed. */
	let waiting = false;

	function look() {
		waiting = false;
		widgets.forEach( ( { box }, container ) => box && repair( container ) );
		dialogs.forEach( ( opened, dialog ) => {
			if ( ! dialog.isConnected ) {
				dialogs.delete( dialog );
				owed = { ...opened, until: Date.now() + DRAWN };
			}
		} );
		if ( owed && ! dialogs.size ) {
			giveBack();
		}
		document.querySelectorAll( '.widgets-for-box ' + DIALOG ).forEach( ( dialog ) => {
			if ( ! dialogs.has( dialog ) ) {
				open( dialog, dialog.closest( '.widgets-for-box' ) );
			}
		} );
	}

	const observer = new MutationObserver( () => {
		if ( ! waiting ) {
			waiting = true;
			requestAnimationFrame( look );
		}
	} );

	/** Watches a widget in which an Element is shown. */
	function watch( container ) {
		observer.observe( container, { childList: true, subtree: true } );
		look();
	}

	/** The folder that each explorer shows. */
	const places = new WeakMap();

	document.addEventListener( 'widgets-for-box:navigate', ( { target, detail } ) => {
		if ( ! target.matches( '.widgets-for-box-explorer' ) ) {
			return;
		}
		const { id, name: folder } = Object( detail );
		if ( widgets.has( target ) && folder && places.get( target ) !== id ) {
			// That the first one is loaded is said already.
			if ( places.has( target ) ) {
				announcement.textContent = text.folder.replace( '%s', () => folder );
			}
			places.set( target, id );
		}
	} );

	return { watch };
};
