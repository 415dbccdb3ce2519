/**
 * The inspector: asks every two seconds what is going on. All that it shows is set as text, never as HTML.
 */

const PAUSE_MS = 2000;

const rows = {
	accounts: ( user ) => [
		user.name,
		user.login,
		user.id,
		user.kind,
		user.role,
		cell( user.status, { bad: 'active' !== user.status } ),
		cell( user.items, { number: true } ),
		cell( user.bytes.toLocaleString(), { number: true } ),
	],
	tokens: ( token ) => [
		token.token,
		token.kind,
		token.login,
		token.scopes.join( ' ' ),
		token.resource ? `${ token.resource.type } ${ token.resource.id }` : '',
		cell( `${ Math.round( token.ends_in_s ) } s`, { number: true } ),
	],
	requests: ( entry ) => [
		new Date( entry.time * 1000 ).toLocaleTimeString(),
		`${ entry.method } ${ entry.path }${ entry.grant ? ` (${ entry.grant })` : '' }`,
		cell( entry.status || 'none', { number: true, bad: ! entry.status || entry.status >= 400 } ),
		cell( entry.duration_ms.toFixed( 1 ), { number: true } ),
		entry.token_kind,
		entry.user,
		entry.origin,
		entry.fault,
	],
};

function cell( content, { number = false, bad = false } = {} ) {
	const element = document.createElement( 'td' );
	element.textContent = content ?? '';
	element.classList.toggle( 'number', number );
	element.classList.toggle( 'bad', bad );
	return element;
}

function row( cells ) {
	const element = document.createElement( 'tr' );
	element.append( ...cells.map( ( entry ) => ( entry instanceof Element ? entry : cell( entry ) ) ) );
	return element;
}

async function refresh() {
	const status = document.getElementById( 'status' );
	try {
		const overview = await ( await fetch( '/_emulator/overview' ) ).json();
		for ( const [ name, describe ] of Object.entries( rows ) ) {
			document.getElementById( name ).replaceChildren( ...overview[ name ].map( ( entry ) => row( describe( entry ) ) ) );
		}
		status.textContent = `Box's time is ${ overview.now }; ${ overview.faults } faults waiting`;
	} catch {
		status.textContent = 'The emulator does not answer.';
	}
	setTimeout( refresh, PAUSE_MS );
}

refresh();
