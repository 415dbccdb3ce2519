"""What the sidecars of one Box app share on a Valkey or Redis server, if ``cache.store`` names one.

The store is not trusted. It keeps what is sealed (``sealed.py``) under names that are HMACs, and what it counts for
itself is numbers and times. A value that was made by anybody else, for another name, or from before a revocation is as
good as none. What whoever can write there is left with stands in SECURITY.md.

**One counter orders everything.** A revocation takes a number from it, which becomes the *epoch* of each name that it
is about; whoever begins to make a value takes a *fencing number*, and the value carries it, sealed. So a value counts
only if its number is above every epoch of its person that is known here or there, and above that of what it replaces.
The counter never falls below the server's time in microseconds: an emptied store goes on above where it was.

**One of all makes a value**, under a lease that it renews and that ends by itself if it dies. It is put where all
find it by a script that looks at lease, number and epochs in one step. Whose lease ran out meanwhile comes late, and
has made a token that nobody gets: it is revoked at Box.

**A revocation is heard at once**: it stands in a stream, which each sidecar waits at, and goes on reading where it was
when its connection broke. What is in memory is handed out unasked only as long as that wait is known to be well, which
is seen at each quarter of a second. Else the stream is read before, or the store is down.

**It is never waited long for.** A request spends at most 50 ms on the store, in which this process had time to hear it.
Where it gave no answer it is down: nobody asks it until the wait at the stream is well again, and each sidecar goes on
with its own memory. What is revoked meanwhile is told to Box at once, and to the others when they can be reached.
"""
