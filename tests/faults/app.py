"""The workers' application with shorter waits, and without torch, so that a process that was killed is soon back.

Nothing else is changed: faults come from outside, by signals and by servers in between.
"""

from hybrid.encoders import backends
from hybrid.queue import broker, feeder
from workers import desk, feeding, watching
from workers.app import app

#: Seconds after which a message that was taken, or a lock, may be a dead worker's.
DEAD_AFTER = 2.0

backends.has_torch = lambda: False
broker.AT_WORK = DEAD_AFTER
broker.PATIENCE = 2.0
feeder.LOCK_SECONDS = DEAD_AFTER
feeder.FIRST_PAUSE = feeder.LONGEST_PAUSE = 0.5
desk.FRESH = 1.0
feeding.BUSY = feeding.QUIET = 0.3
watching.INTERVAL = 0.5
watching.DEAF_AFTER = 3.0
app.conf.worker_lost_wait = 0.5
# Processes of the pool import it, too.
app.conf.include += [__name__]
