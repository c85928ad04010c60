/* Shifts the wall clock of a program by $CLOCK_SHIFT seconds:
   gcc -shared -fPIC -o shift.so shift.c; LD_PRELOAD=./shift.so CLOCK_SHIFT=600 date
   libfaketime does not get along with redis-server's allocator. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) {
	const char *seconds = getenv("CLOCK_SHIFT");
	return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
	int failed = syscall(SYS_clock_gettime, clock, now);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += shift();
	return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
	int failed = syscall(SYS_gettimeofday, now, zone);
	if (!failed)
		now->tv_sec += shift();
	return failed;
}

time_t time(time_t *now) {
	struct timeval tv;
	gettimeofday(&tv, NULL);
	if (now)
		*now = tv.tv_sec;
	return tv.tv_sec;
}
