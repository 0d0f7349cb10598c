/*
 * Moves the calendar (CLOCK_REALTIME) of a process that is started with it in LD_PRELOAD, by the seconds that stand in
 * the first 8 bytes of the file CLOCK_OFFSET. The clock that only goes forward (CLOCK_MONOTONIC) stays, as it does where
 * somebody sets a machine's clock. libfaketime does more, and Envoy does not start with it: its allocator reads the clock.
 */

typedef struct { long seconds, nanoseconds; } Time;
typedef struct { long seconds, microseconds; } Moment;

enum { SYS_CLOCK_GETTIME = 228, REALTIME = 0, REALTIME_COARSE = 5, READ = 1, SHARED = 1 };

long syscall(long number, ...);
char *getenv(const char *name);
int open(const char *path, int flags, ...);
void *mmap(void *at, unsigned long length, int protection, int flags, int file, long offset);

static const long unmoved;
static const long *volatile moved;

static long offset(void)
{
    if (!moved) {
        const char *path = getenv("CLOCK_OFFSET");
        int file = path ? open(path, 0) : -1;
        moved = file < 0 ? &unmoved : mmap(0, sizeof(long), READ, SHARED, file, 0);
    }
    return *moved;
}

int clock_gettime(int clock, Time *time)
{
    int failed = syscall(SYS_CLOCK_GETTIME, clock, time);
    if (!failed && (clock == REALTIME || clock == REALTIME_COARSE)) time->seconds += offset();
    return failed;
}

int gettimeofday(Moment *now, void *zone)
{
    Time time;
    clock_gettime(REALTIME, &time);
    now->seconds = time.seconds;
    now->microseconds = time.nanoseconds / 1000;
    return 0;
}

long time(long *now)
{
    Time time;
    clock_gettime(REALTIME, &time);
    if (now) *now = time.seconds;
    return time.seconds;
}
