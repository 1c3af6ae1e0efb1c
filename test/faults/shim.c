/*
 * Preloaded into a program, counts the calls with which it changes files or signals processes, by one counter over all
 * its threads, and kills the program at one of them or makes some of them fail. Told by environment variables:
 *
 *   FAULTS_TRACE  file to which each call is appended as a line: its number, its name, its path or process
 *   FAULTS_KILL   `before 17` or `after 17`: SIGKILL at the 17th call, before or after it is made
 *   FAULTS_FAIL   `fsync 5 /.app.env.`: each fsync of a path with `/.app.env.` in it fails with errno 5
 *   FAULTS_WHILE  file: calls fail only while it is there
 *   FAULTS_ACTOR  as FAULTS_KILL, for the process that acts as a user, which gets no environment from its parent
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EACH_CALL(DO)                                                                                                  \
    DO(open) DO(open64) DO(write) DO(writev) DO(pwrite64) DO(ftruncate64) DO(fchown) DO(fchmod) DO(fsync)              \
    DO(fdatasync) DO(chown) DO(lchown) DO(chmod) DO(rename) DO(link) DO(symlink) DO(unlink) DO(rmdir) DO(mkdir)        \
    DO(kill) DO(execvp) DO(syscall)

#define FIND(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define DECLARE(name) static __typeof__(&name) real_##name;
#define RESOLVE(name) real_##name = FIND(name);

EACH_CALL(DECLARE)

/* Found at the start: dlsym takes a lock, and a signal handler that writes may interrupt who holds it. */
#define REAL(name) (real_##name ? real_##name : FIND(name))

static atomic_int count;
static int trace = -1;
static int kill_before, kill_after;
static char fail_call[32], fail_path[256];
static int fail_errno;
static const char *fail_while;
static char actor_kill[64], actor_preload[PATH_MAX + 16];

__attribute__((constructor)) static void read_environment(void)
{
    const char *text;
    EACH_CALL(RESOLVE)
    if ((text = getenv("FAULTS_TRACE")))
        trace = REAL(open)(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if ((text = getenv("FAULTS_KILL"))) {
        sscanf(text, "before %d", &kill_before);
        sscanf(text, "after %d", &kill_after);
    }
    if ((text = getenv("FAULTS_FAIL")))
        sscanf(text, "%31s %d %255s", fail_call, &fail_errno, fail_path);
    fail_while = getenv("FAULTS_WHILE");
    if ((text = getenv("FAULTS_ACTOR")))
        snprintf(actor_kill, sizeof actor_kill, "FAULTS_KILL=%s", text);
    if ((text = getenv("LD_PRELOAD")))
        snprintf(actor_preload, sizeof actor_preload, "LD_PRELOAD=%s", text);
}

static void die(void)
{
    REAL(kill)(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is named below the descriptor of a directory, by its whole name. */
static const char *whole(const char *object, char *path)
{
    int fd, end = 0;
    if (sscanf(object, "/proc/self/fd/%d/%n", &fd, &end) != 1 || !end)
        return object;
    char link[32];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    errno = saved;
    if (length < 0)
        return object;
    snprintf(path + length, PATH_MAX - length, "/%s", object + end);
    return path;
}

/* Number of the call; 0 when it is to fail, with errno set. */
static int enter(const char *call, const char *name)
{
    char path[PATH_MAX];
    const char *object = whole(name, path);
    if (fail_errno && !strcmp(call, fail_call) && strstr(object, fail_path) &&
        (!fail_while || !access(fail_while, F_OK))) {
        errno = fail_errno;
        return 0;
    }
    int saved = errno, number = atomic_fetch_add(&count, 1) + 1;
    if (trace >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%d %s %s\n", number, call, object);
        if (REAL(write)(trace, line, length) != length)
            abort();
    }
    if (number == kill_before)
        die();
    errno = saved;
    return number;
}

static void leave(int number)
{
    if (number == kill_after)
        die();
}

static const char *path_of(int fd, char *path)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

/* Pipes and sockets are nothing that lasts. */
static int is_file(int fd)
{
    struct stat stat;
    int saved = errno, is = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
    errno = saved;
    return is;
}

#define CALL(type, name, object, ...)                                                                                  \
    do {                                                                                                               \
        int number = enter(#name, object);                                                                             \
        if (!number)                                                                                                   \
            return -1;                                                                                                 \
        type result = REAL(name)(__VA_ARGS__);                                                                         \
        leave(number);                                                                                                 \
        return result;                                                                                                 \
    } while (0)

#define CALL_ON_FD(type, name, fd, ...)                                                                                \
    do {                                                                                                               \
        char path[PATH_MAX];                                                                                           \
        CALL(type, name, path_of(fd, path), __VA_ARGS__);                                                              \
    } while (0)

/* One name for both: only those that make files count. */
static int open_file(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    if (!(flags & O_CREAT))
        return real(path, flags, mode);
    int number = enter("open", path);
    if (!number)
        return -1;
    int fd = real(path, flags, mode);
    leave(number);
    return fd;
}

static mode_t mode_after(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_after(flags, arguments);
    va_end(arguments);
    return open_file(REAL(open), path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_after(flags, arguments);
    va_end(arguments);
    return open_file(REAL(open64), path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (!is_file(fd))
        return REAL(write)(fd, data, size);
    CALL_ON_FD(ssize_t, write, fd, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_count)
{
    if (!is_file(fd))
        return REAL(writev)(fd, parts, parts_count);
    CALL_ON_FD(ssize_t, writev, fd, fd, parts, parts_count);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    CALL_ON_FD(ssize_t, pwrite64, fd, fd, data, size, offset);
}

int ftruncate64(int fd, off64_t size) { CALL_ON_FD(int, ftruncate64, fd, fd, size); }
int fchown(int fd, uid_t uid, gid_t gid) { CALL_ON_FD(int, fchown, fd, fd, uid, gid); }
int fchmod(int fd, mode_t mode) { CALL_ON_FD(int, fchmod, fd, fd, mode); }
int fsync(int fd) { CALL_ON_FD(int, fsync, fd, fd); }
int fdatasync(int fd) { CALL_ON_FD(int, fdatasync, fd, fd); }
int chown(const char *path, uid_t uid, gid_t gid) { CALL(int, chown, path, path, uid, gid); }
int lchown(const char *path, uid_t uid, gid_t gid) { CALL(int, lchown, path, path, uid, gid); }
int chmod(const char *path, mode_t mode) { CALL(int, chmod, path, path, mode); }
int rename(const char *from, const char *to) { CALL(int, rename, from, from, to); }
int link(const char *from, const char *to) { CALL(int, link, from, from, to); }
int symlink(const char *target, const char *path) { CALL(int, symlink, path, target, path); }
int unlink(const char *path) { CALL(int, unlink, path, path); }
int rmdir(const char *path) { CALL(int, rmdir, path, path); }
int mkdir(const char *path, mode_t mode) { CALL(int, mkdir, path, path, mode); }

int kill(pid_t pid, int signal)
{
    char object[32];
    snprintf(object, sizeof object, "pid %d", pid);
    CALL(int, kill, object, pid, signal);
}

#define MAX_ENVIRONMENT 64

int execvp(const char *file, char *const words[])
{
    char *environment[MAX_ENVIRONMENT + 3];
    int count = 0, acts = 0;
    for (char *const *word = words; *word; word++)
        acts |= !strcmp(*word, "--act-as");
    if (!acts || !*actor_kill)
        return REAL(execvp)(file, words);
    for (; environ[count] && count < MAX_ENVIRONMENT; count++)
        environment[count] = environ[count];
    environment[count++] = actor_preload;
    environment[count++] = actor_kill;
    environment[count] = NULL;
    return execvpe(file, words, environment);
}

/* By which signals go through a pidfd. */
long syscall(long number, ...)
{
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    __typeof__(&syscall) real = REAL(syscall);
    if (number != SYS_pidfd_send_signal)
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    int call = enter("pidfd_send_signal", "");
    if (!call)
        return -1;
    long result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    leave(call);
    return result;
}
