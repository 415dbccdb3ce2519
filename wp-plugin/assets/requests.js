/**
 * The Elements' requests to Box: what is done where Box refuses.
 */
export default async ( { Failure, refuse, accept, part } ) => {
	const { count } = await part( 'calls' ).catch( () => ( { count() {} } ) );

	/** Sees every request to Box, to help where Box refuses, before the Element gives up. */
	function intercept( link, request ) {
		const { adapter, params, url } = request;
		const folder = params?.limit && /\/folders\/(\d+)/.exec( url );
		if ( folder ) {
			link.opens( folder[ 1 ] );
		}
		if ( typeof adapter === 'function' && ! adapter.helped ) {
			const send = ( asked ) => {
				count( asked );
				return adapter( asked );
			};
			request.adapter = ( asked ) => send( asked ).catch( ( failure ) => help( link, asked, send, failure ) );
			request.adapter.helped = true;
		} else if ( ! adapter?.helped ) {
			count( request );
		}
		return makesLink( request ) ? whenAgreed( link, request ) : request;
	}

	/** Whether a request makes a shared link that nobody has chosen the access of. */
	function makesLink( { method, data } ) {
		if ( ! /^put$/i.test( method ) ) {
			return false;
		}
		try {
			const { shared_link: shared } = Object( typeof data === 'string' ? JSON.parse( data ) : data );
			return Boolean( shared ) && ! shared.access;
		} catch {
			// Whatever that is, Box will not take it for a link.
			return false;
		}
	}

	/** Holds a request back until the person knows what it does. If they do not want it, it stays with that. */
	async function whenAgreed( link, request ) {
		const ask = await part( 'sharing' );
		return await ask( link, request ) ? request : new Promise( () => {} );
	}

	/** Sends a request again with another token, or leaves a search that is not allowed. */
	async function help( link, request, adapter, failure, again = true ) {
		const { box, descriptor, id, text } = link;
		const status = link.isCurrent() && failure.response?.status;
		if ( status === 401 ) {
			if ( ! refuse( descriptor, bearer( request ) ) ) {
				link.explain( new Failure( 'refused', text.refused ) );
			} else if ( again ) {
				const token = await link.getFresh().catch( () => null );
				if ( token ) {
					request.headers.Authorization = 'Bearer ' + token;
					return adapter( request ).catch( ( another ) => help( link, request, adapter, another, false ) );
				}
			}
		}
		const browser = box.getComponent?.();
		if ( status === 403 && browser?.fetchFolder && /\/2\.0\/search\b/.test( request.url ) ) {
			link.explain( new Failure( 'search', text.search ) );
			browser.fetchFolder( request.params?.ancestor_folder_ids || id );
			return new Promise( () => {} );
		}
		throw failure;
	}

	function bearer( request ) {
		return request?.headers?.Authorization?.slice( 'Bearer '.length );
	}

	/** Sees every answer of Box, or what came instead. */
	function watch( link, answer ) {
		const { box, descriptor, text } = link;
		const { config } = answer;
		const status = answer.status || answer.response?.status;
		if ( status === 401 && link.isCurrent() && ! config?.adapter?.helped ) {
			// It could not be helped in time: its next request gets another token, and a folder is opened anew.
			const folder = /\/folders\/(\d+)/.exec( config?.url )?.[ 1 ];
			if ( ! refuse( descriptor, bearer( config ) ) ) {
				link.explain( new Failure( 'refused', text.refused ) );
			} else if ( folder ) {
				link.getFresh().then( () => box.navigateTo?.( folder ), () => {} );
			}
		} else if ( answer.isAxiosError && ! answer.response ) {
			link.explain( new Failure( 'box', text.box, { fix: link.manages && text.cors.replace( '%s', location.origin ) } ) );
		} else if ( status < 400 ) {
			if ( /\/2\.0\/recent_items\b/.test( config?.url ) ) {
				// Box's description of the interface has no order; without one the Element takes the answer for a failure.
				answer.data.order ||= { by: 'interacted_at', direction: 'DESC' };
			}
			accept( descriptor, bearer( config ) );
			link.recover();
		}
		return answer;
	}

	return { intercept, watch };
};
