/* The least that this machine can do: a constant for whatever comes, by epoll. limit SOCKET */

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char answer[] =
	"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 23\r\n\r\n"
	"{\"access_token\":\"none\"}";

static void watch(int poll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **arguments)
{
	struct sockaddr_un place = { .sun_family = AF_UNIX };
	if (count != 2 || strlen(arguments[1]) >= sizeof place.sun_path)
		return 2;
	strcpy(place.sun_path, arguments[1]);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 2048))
		return 1;
	int poll = epoll_create1(0);
	watch(poll, listener);
	for (;;) {
		struct epoll_event events[64];
		char request[65536];
		int ready = epoll_wait(poll, events, 64, -1);
		for (int n = 0; n < ready; n++) {
			int fd = events[n].data.fd;
			if (fd == listener)
				watch(poll, accept(listener, 0, 0));
			else if (read(fd, request, sizeof request) <= 0 ||
				 write(fd, answer, sizeof answer - 1) < 0)
				close(fd);
		}
	}
}
