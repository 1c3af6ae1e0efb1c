/*
 * A file system in user space, as a hostile user serves it, or root: raw, so that each answer can be a lie. Shows what is
 * below BACKING as if all of it were root's and nobody else could write it.
 *
 *   attack-fuse MOUNTPOINT BACKING honest            each answer as the one before
 *   attack-fuse MOUNTPOINT BACKING changing TARGET   now and then a directory is a symlink to TARGET, a file one to
 *                                                    TARGET/credentials
 *   attack-fuse MOUNTPOINT BACKING silent N          no answer to the request after the Nth, nor to any later one
 *
 * Says `mounted`, and `asked by PID: CALL NAME` for each request that root's rights are behind. Is gone with its process.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_NODES 65536
#define BUFFER ((1 << 17) + 4096)

static int device;
static const char *target;
static long answers_left = LONG_MAX;

/* What a number of the kernel's stands for: a path below BACKING, or a link that is nowhere. */
static struct node {
    char *path;
    int is_lie;
} nodes[MAX_NODES];
static unsigned long count = 1;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* fusermount3 opens the device, mounts, and sends the descriptor. */
static int receive(int channel)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(channel, &message, 0) <= 0 || !CMSG_FIRSTHDR(&message))
        fail("fusermount3");
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static int mount_at(const char *path)
{
    int channel[2], status;
    char number[16];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel))
        fail("socketpair");
    pid_t child = fork();
    if (!child) {
        close(channel[1]);
        snprintf(number, sizeof number, "%d", channel[0]);
        setenv("_FUSE_COMMFD", number, 1);
        execl("/usr/bin/fusermount3", "fusermount3", "-o", "allow_other,fsname=attack", "--", path, NULL);
        fail("exec");
    }
    close(channel[0]);
    int fd = receive(channel[1]);
    /* It waits for our end where it is to unmount at that. */
    waitpid(child, &status, 0);
    return fd;
}

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t size)
{
    static char buffer[BUFFER];
    struct fuse_out_header *out = (void *)buffer;
    *out = (struct fuse_out_header){sizeof *out + (error ? 0 : size), -error, in->unique};
    if (!error && size)
        memcpy(out + 1, data, size);
    /* ENOENT: whoever asked has been killed. */
    if (write(device, buffer, out->len) < 0 && errno != ENOENT)
        fail("answer");
}

static struct fuse_attr attributes(const struct stat *stat, unsigned long node, int is_lie)
{
    mode_t mode = is_lie ? S_IFLNK | 0777 : S_ISDIR(stat->st_mode) ? S_IFDIR | 0755 : (stat->st_mode & S_IFMT) | 0644;
    if (S_ISREG(stat->st_mode) && (stat->st_mode & 0100))
        mode |= 0111;
    return (struct fuse_attr){
        .ino = node, .size = stat->st_size, .blocks = stat->st_blocks, .mode = mode, .nlink = 1, .blksize = 4096,
        .mtime = stat->st_mtime, .ctime = stat->st_ctime, .atime = stat->st_atime,
    };
}

static const char *below(const struct fuse_in_header *in, const char *name)
{
    static char path[2][PATH_MAX];
    static int turn;
    turn = !turn;
    snprintf(path[turn], PATH_MAX, "%.2000s/%.1000s", nodes[in->nodeid].path, name);
    return path[turn];
}

static void answer_entry(const struct fuse_in_header *in, const char *path, struct fuse_open_out *opened)
{
    struct stat stat;
    struct {
        struct fuse_entry_out entry;
        struct fuse_open_out opened;
    } out = {0};
    if (lstat(path, &stat)) {
        answer(in, errno, NULL, 0);
        return;
    }
    if (count == MAX_NODES - 1)
        exit(1);
    struct node *node = &nodes[++count];
    node->path = strdup(path);
    node->is_lie = target && !opened && rand() % 3 == 0;
    out.entry.nodeid = count;
    out.entry.attr = attributes(&stat, count, node->is_lie);
    if (opened)
        out.opened = *opened;
    answer(in, 0, &out, opened ? sizeof out : sizeof out.entry);
}

static void answer_attributes(const struct fuse_in_header *in)
{
    struct stat stat;
    if (lstat(nodes[in->nodeid].path, &stat)) {
        answer(in, errno, NULL, 0);
        return;
    }
    struct fuse_attr_out out = {.attr = attributes(&stat, in->nodeid, nodes[in->nodeid].is_lie)};
    answer(in, 0, &out, sizeof out);
}

static void read_link(const struct fuse_in_header *in)
{
    struct stat stat;
    char path[PATH_MAX];
    struct node *node = &nodes[in->nodeid];
    if (node->is_lie) {
        int is_directory = !lstat(node->path, &stat) && S_ISDIR(stat.st_mode);
        snprintf(path, sizeof path, is_directory ? "%s" : "%s/credentials", target);
        answer(in, 0, path, strlen(path));
        return;
    }
    ssize_t length = readlink(node->path, path, sizeof path);
    answer(in, length < 0 ? errno : 0, path, length);
}

static void open_node(const struct fuse_in_header *in, int flags)
{
    int fd = open(nodes[in->nodeid].path, (flags & (O_ACCMODE | O_TRUNC)) | O_CLOEXEC);
    struct fuse_open_out out = {.fh = fd, .open_flags = FOPEN_DIRECT_IO};
    answer(in, fd < 0 ? errno : 0, &out, sizeof out);
}

static void read_file(const struct fuse_in_header *in, const struct fuse_read_in *what)
{
    static char buffer[1 << 17];
    ssize_t length = pread(what->fh, buffer, what->size < sizeof buffer ? what->size : sizeof buffer, what->offset);
    answer(in, length < 0 ? errno : 0, buffer, length);
}

static void write_file(const struct fuse_in_header *in, const struct fuse_write_in *what)
{
    ssize_t length = pwrite(what->fh, what + 1, what->size, what->offset);
    struct fuse_write_out out = {.size = length};
    answer(in, length < 0 ? errno : 0, &out, sizeof out);
}

/* All names at once; the second call finds none. */
static void read_directory(const struct fuse_in_header *in, const struct fuse_read_in *what)
{
    static char buffer[1 << 16];
    size_t size = 0, limit = what->size < sizeof buffer ? what->size : sizeof buffer;
    DIR *directory = what->offset ? NULL : opendir(nodes[in->nodeid].path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        size_t length = strlen(entry->d_name), padded = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
        if (size + padded > limit)
            break;
        struct fuse_dirent *out = (void *)(buffer + size);
        *out = (struct fuse_dirent){.ino = 1, .off = size + padded, .namelen = length, .type = entry->d_type};
        memcpy(out->name, entry->d_name, length);
        size += padded;
    }
    if (directory)
        closedir(directory);
    answer(in, 0, buffer, size);
}

static void create(const struct fuse_in_header *in, const struct fuse_create_in *how)
{
    const char *path = below(in, (const char *)(how + 1));
    int fd = open(path, how->flags & ~O_CLOEXEC, 0600);
    struct fuse_open_out opened = {.fh = fd, .open_flags = FOPEN_DIRECT_IO};
    if (fd < 0)
        answer(in, errno, NULL, 0);
    else
        answer_entry(in, path, &opened);
}

static void rename_entry(const struct fuse_in_header *in, unsigned long directory, const char *from)
{
    struct fuse_in_header there = {.nodeid = directory};
    int failed = rename(below(in, from), below(&there, from + strlen(from) + 1));
    answer(in, failed ? errno : 0, NULL, 0);
}

static void set_attributes(const struct fuse_in_header *in, const struct fuse_setattr_in *what)
{
    if ((what->valid & FATTR_SIZE) && truncate(nodes[in->nodeid].path, what->size)) {
        answer(in, errno, NULL, 0);
        return;
    }
    answer_attributes(in);
}

static void begin(const struct fuse_in_header *in, const struct fuse_init_in *kernel)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 1 << 16,
        .max_readahead = kernel->max_readahead, .max_background = 16, .congestion_threshold = 12, .time_gran = 1,
    };
    answer(in, 0, &out, sizeof out);
    puts("mounted");
}

static int made(int result, const struct fuse_in_header *in)
{
    if (result)
        answer(in, errno, NULL, 0);
    return !result;
}

static void serve(const struct fuse_in_header *in)
{
    const void *data = in + 1;
    const char *name = data;
    switch (in->opcode) {
    case FUSE_INIT:
        begin(in, data);
        break;
    case FUSE_LOOKUP:
        answer_entry(in, below(in, name), NULL);
        break;
    case FUSE_GETATTR:
        answer_attributes(in);
        break;
    case FUSE_SETATTR:
        set_attributes(in, data);
        break;
    case FUSE_READLINK:
        read_link(in);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        open_node(in, ((const struct fuse_open_in *)data)->flags);
        break;
    case FUSE_READ:
        read_file(in, data);
        break;
    case FUSE_WRITE:
        write_file(in, data);
        break;
    case FUSE_READDIR:
        read_directory(in, data);
        break;
    case FUSE_CREATE:
        create(in, data);
        break;
    case FUSE_MKDIR:
        name += sizeof(struct fuse_mkdir_in);
        if (made(mkdir(below(in, name), 0700), in))
            answer_entry(in, below(in, name), NULL);
        break;
    case FUSE_UNLINK:
        answer(in, unlink(below(in, name)) ? errno : 0, NULL, 0);
        break;
    case FUSE_RENAME:
        rename_entry(in, *(const unsigned long *)data, name + sizeof(struct fuse_rename_in));
        break;
    case FUSE_RENAME2:
        rename_entry(in, *(const unsigned long *)data, name + sizeof(struct fuse_rename2_in));
        break;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        close(((const struct fuse_release_in *)data)->fh);
        answer(in, 0, NULL, 0);
        break;
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_ACCESS:
        answer(in, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(in, ENOSYS, NULL, 0);
    }
}

/* What the kernel sends by itself, at the end of something, says nothing about who asks. */
static const char *call_of(int opcode)
{
    switch (opcode) {
    case FUSE_LOOKUP: return "lookup";
    case FUSE_GETATTR: return "getattr";
    case FUSE_READLINK: return "readlink";
    case FUSE_OPEN: return "open";
    case FUSE_READ: return "read";
    case FUSE_OPENDIR: return "opendir";
    case FUSE_READDIR: return "readdir";
    case FUSE_CREATE: return "create";
    case FUSE_MKDIR: return "mkdir";
    case FUSE_ACCESS: return "access";
    case FUSE_STATFS: return "statfs";
    case FUSE_GETXATTR: return "getxattr";
    case FUSE_LISTXATTR: return "listxattr";
    case FUSE_SETATTR: return "setattr";
    case FUSE_UNLINK: return "unlink";
    case FUSE_RENAME: case FUSE_RENAME2: return "rename";
    default: return NULL;
    }
}

/* The kernel names the thread. */
static unsigned process_of(unsigned thread)
{
    char path[64], line[256];
    unsigned process = thread;
    snprintf(path, sizeof path, "/proc/%u/status", thread);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status) && sscanf(line, "Tgid: %u", &process) != 1)
        ;
    if (status)
        fclose(status);
    return process;
}

static int has_name(int opcode)
{
    return opcode == FUSE_LOOKUP || opcode == FUSE_UNLINK;
}

int main(int words_count, char **words)
{
    static char buffer[BUFFER] __attribute__((aligned(8)));
    const struct fuse_in_header *in = (void *)buffer;
    if (words_count < 4)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    srand(getpid());
    nodes[FUSE_ROOT_ID].path = words[2];
    if (!strcmp(words[3], "changing"))
        target = words[4];
    if (!strcmp(words[3], "silent"))
        answers_left = atol(words[4]);
    device = mount_at(words[1]);
    for (;;) {
        if (read(device, buffer, sizeof buffer) < 0) {
            if (errno == ENOENT || errno == EINTR)
                continue;
            /* Somebody has unmounted it. */
            return errno != ENODEV;
        }
        const char *call = call_of(in->opcode);
        if (call && in->uid == 0)
            printf("asked by %u: %s %s\n", process_of(in->pid), call, has_name(in->opcode) ? (const char *)(in + 1) : "");
        if (in->opcode == FUSE_INIT || answers_left-- > 0)
            serve(in);
    }
}
