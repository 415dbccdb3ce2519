/**
 * A walk with Box's SDK for Node.js, as its users write programs: `box-node-sdk.mjs (jwt|ccg) CONFIG LOGIN`.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import {
	BoxCcgAuth,
	BoxClient,
	BoxDeveloperTokenAuth,
	BoxJwtAuth,
	CcgConfig,
	JwtConfig,
} from 'box-node-sdk';
import { generateByteStreamFromBuffer, readByteStream } from 'box-node-sdk/internal';

const [ kind, config, login ] = process.argv.slice( 2 );

async function step( name, deed ) {
	try {
		const result = await deed();
		console.log( `ok ${ name }` );
		return result;
	} catch ( error ) {
		console.log( `FAILED ${ name }\t${ String( error ).replace( /\s+/g, ' ' ).slice( 0, 600 ) }` );
		return undefined;
	}
}

function authentication() {
	if ( kind === 'jwt' ) {
		return new BoxJwtAuth( { config: JwtConfig.fromConfigFile( config ) } );
	}
	const document = JSON.parse( readFileSync( config ) );
	const { clientID: clientId, clientSecret } = document.boxAppSettings;
	return new BoxCcgAuth( { config: new CcgConfig( { clientId, clientSecret, enterpriseId: document.enterpriseID } ) } );
}

const auth = authentication();
const service = new BoxClient( { auth } );
const refused = ( status ) => ( error ) => error.responseInfo?.statusCode === status;
const stream = ( content ) => generateByteStreamFromBuffer( Buffer.from( content ) );
const read = async ( client, id ) => Buffer.from( await readByteStream( await client.downloads.downloadFile( id ) ) );

await step( 'authentication of the service account', async () =>
	assert.match( ( await service.users.getUserMe() ).login, /^AutomationUser_/ )
);
const found = await step( 'users: search', async () => {
	const page = await service.users.getUsers( { filterTerm: login } );
	return page.entries.find( ( user ) => user.login === login );
} );
const user = new BoxClient( { auth: auth.withUserSubject( found.id ) } );
await step( 'authentication for a person', async () =>
	assert.equal( ( await user.users.getUserMe() ).login, login )
);
await step( 'users: by offset', async () =>
	assert.equal( ( await service.users.getUsers( { limit: 2, offset: 1 } ) ).entries.length, 2 )
);
await step( 'users: app user', async () => {
	const made = await service.users.createUser( { name: 'Robot', isPlatformAccessOnly: true } );
	assert.equal( ( await service.users.updateUserById( made.id, { requestBody: { name: 'R' } } ) ).name, 'R' );
	await service.users.deleteUserById( made.id );
	await assert.rejects( service.users.getUserById( made.id ), refused( 404 ) );
} );

const upload = async ( name, content, folder = '0' ) => {
	const attributes = { name, parent: { id: folder } };
	const files = await user.uploads.uploadFile( { attributes, file: stream( content ) } );
	return files.entries[ 0 ];
};

const folder = await step( 'folders: create', () =>
	user.folders.createFolder( { name: 'box-node-sdk', parent: { id: '0' } } )
);
await step( 'folders: conflict', () =>
	assert.rejects( user.folders.createFolder( { name: 'BOX-NODE-SDK', parent: { id: '0' } } ), refused( 409 ) )
);
await step( 'folders: items by offset', async () =>
	assert.ok( ( await user.folders.getFolderItems( '0', { queryParams: { limit: 1 } } ) ).totalCount > 1 )
);
await step( 'folders: items by marker', async () =>
	assert.ok( ( await user.folders.getFolderItems( '0', { queryParams: { limit: 1, usemarker: true } } ) ).nextMarker )
);
await step( 'folders: rename', async () =>
	assert.equal( ( await user.folders.updateFolderById( folder.id, { requestBody: { name: 'node' } } ) ).name, 'node' )
);
await step( 'folders: copy', async () => {
	const copied = await user.folders.copyFolder( folder.id, { name: 'copy', parent: { id: '0' } } );
	await user.folders.deleteFolderById( copied.id );
	await assert.rejects( user.folders.getFolderById( copied.id ), refused( 404 ) );
} );
const file = await step( 'files: upload', () => upload( 'ünï & +.txt', 'one', folder.id ) );
await step( 'files: conflict', () => assert.rejects( upload( 'ünï & +.txt', 'two', folder.id ), refused( 409 ) ) );
await step( 'files: download', async () => assert.equal( ( await read( user, file.id ) ).toString(), 'one' ) );
await step( 'files: rename', async () =>
	assert.equal( ( await user.files.updateFileById( file.id, { requestBody: { name: 'b.txt' } } ) ).name, 'b.txt' )
);
await step( 'files: copy', async () =>
	assert.notEqual( ( await user.files.copyFile( file.id, { name: 'c.txt', parent: { id: '0' } } ) ).id, file.id )
);
await step( 'files: a new version', async () => {
	await user.uploads.uploadFileVersion( file.id, { attributes: { name: 'b.txt' }, file: stream( 'two' ) } );
	assert.equal( ( await read( user, file.id ) ).toString(), 'two' );
	assert.equal( ( await user.fileVersions.getFileVersions( file.id ) ).totalCount, 1 );
} );
await step( 'files: check beforehand', () =>
	assert.rejects(
		user.uploads.preflightFileUploadCheck( { name: 'b.txt', size: 3, parent: { id: folder.id } } ),
		refused( 409 )
	)
);
await step( 'files: chunked upload', async () => {
	const content = randomBytes( 21_000_000 );
	const made = await user.chunkedUploads.uploadBigFile(
		generateByteStreamFromBuffer( content ), 'big.bin', content.length, folder.id
	);
	assert.ok( content.equals( await read( user, made.id ) ) );
} );
await step( 'search', async () =>
	assert.equal( ( await user.search.searchForContent( { query: 'big.bin' } ) ).totalCount, 1 )
);
await step( 'shared links', async () => {
	const query = { fields: 'shared_link' };
	const body = { sharedLink: { access: 'open' } };
	const shared = await user.sharedLinksFiles.addShareLinkToFile( file.id, body, query );
	assert.match( shared.sharedLink.url, /^https:\/\/app\.box\.com\/s\// );
	const boxapi = `shared_link=${ shared.sharedLink.url }`;
	assert.equal( ( await user.sharedLinksFiles.findFileForSharedLink( {}, { boxapi } ) ).id, file.id );
} );
await step( 'collaborations', async () => {
	const made = await user.userCollaborations.createCollaboration( {
		item: { type: 'folder', id: folder.id },
		accessibleBy: { type: 'user', login: 'boss@example.com' },
		role: 'viewer',
	} );
	assert.equal( ( await user.listCollaborations.getFolderCollaborations( folder.id ) ).entries.length, 1 );
	await user.userCollaborations.updateCollaborationById( made.id, { requestBody: { role: 'editor' } } );
	await user.userCollaborations.deleteCollaborationById( made.id );
} );
await step( 'trash', async () => {
	const old = await upload( 'old.txt', 'old' );
	await user.files.deleteFileById( old.id );
	assert.equal( ( await user.files.getFileById( old.id ) ).itemStatus, 'trashed' );
	await user.trashedFiles.restoreFileFromTrash( old.id );
	assert.equal( ( await read( user, old.id ) ).toString(), 'old' );
} );
await step( 'downscoping', async () => {
	const resource = `https://api.box.com/2.0/folders/${ folder.id }`;
	const token = await user.auth.downscopeToken( [ 'base_explorer', 'item_download' ], resource );
	const narrow = new BoxClient( { auth: new BoxDeveloperTokenAuth( { token: token.accessToken } ) } );
	assert.ok( ( await narrow.folders.getFolderItems( folder.id ) ).totalCount > 0 );
	await assert.rejects( narrow.folders.getFolderById( '0' ), refused( 403 ) );
} );
await step( 'revocation', () => user.auth.revokeToken() );
