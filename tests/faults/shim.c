/* Loaded before the C library: reads of one file that fail, and a clock that jumps back. See test_machine.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Whether a read at this place is of the file FAULT_FILE, from the byte FAULT_BYTE on. */
static int broken(int fd, off_t place) {
    const char *file = getenv("FAULT_FILE"), *byte = getenv("FAULT_BYTE");
    char link[64], path[4096];
    if (!file || !byte || place < atol(byte)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return !strcmp(path, file);
}

ssize_t read(int fd, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    if (getenv("FAULT_FILE") && broken(fd, lseek(fd, 0, SEEK_CUR))) { errno = EIO; return -1; }
    return real(fd, buffer, size);
}

ssize_t pread64(int fd, void *buffer, size_t size, off_t place) {
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    if (broken(fd, place)) { errno = EIO; return -1; }
    return real(fd, buffer, size, place);
}

/* The time of day, CLOCK_BACK seconds earlier at every call. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static long calls;
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME && getenv("CLOCK_BACK")) now->tv_sec -= ++calls * atol(getenv("CLOCK_BACK"));
    return failed;
}
