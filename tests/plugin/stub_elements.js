/**
 * Stands in for Box UI Elements where a test is about the plugin's own script: remembers how it was called.
 */
( function () {
	'use strict';

	window.shown = window.shown || [];

	class Element {
		constructor( name ) {
			this.name = name;
			this.listeners = {};
		}

		addListener( event, listener ) {
			this.listeners[ event ] = listener;
		}

		emit( event, data ) {
			this.listeners[ event ]( data );
		}

		show( id, token, options ) {
			Object.assign( this, { id, token, options } );
			window.shown.push( this );
			const button = document.createElement( 'button' );
			button.type = 'button';
			button.textContent = this.name + ' ' + id;
			button.addEventListener( 'click', () => this.emit( 'choose', [ { type: 'folder', id: '42', name: 'Планы' } ] ) );
			options.container.append( button );
		}

		hide() {
			this.hidden = true;
			this.options.container.replaceChildren();
		}
	}

	window.Box = {};
	[ 'ContentExplorer', 'ContentUploader', 'ContentPicker', 'ContentPreview' ].forEach( ( name ) => {
		window.Box[ name ] = class extends Element {
			constructor() {
				super( name );
			}
		};
	} );
} )();
