/*
 * An automount point of root's, as a unit of type automount makes it: whoever goes into it waits until it answers.
 *
 *   attack-autofs DIR answer     mounts a file system in memory there
 *   attack-autofs DIR silent     never answers
 *
 * Says `mounted`, and `asked` for each request. SIGTERM unmounts: whoever waits goes on with an error. A killed one is not
 * enough, since who waits already, `umount` too, would wait for ever.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/auto_fs4.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static const char *point;
static int directory;

static void end(int signal)
{
    (void)signal;
    ioctl(directory, AUTOFS_IOC_CATATONIC, 0);
    /* What was mounted for those who came, then the point itself. */
    while (!umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW))
        ;
    _exit(0);
}

int main(int count, char **words)
{
    int channel[2];
    char options[128];
    union autofs_v5_packet_union packet;
    if (count < 3)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* What is of its own process group goes in without being asked. */
    if (setpgid(0, 0) || pipe2(channel, O_CLOEXEC | O_DIRECT))
        fail("pipe");
    snprintf(options, sizeof options, "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", channel[1], getpid());
    if (mount("attack", words[1], "autofs", 0, options))
        fail("mount");
    point = words[1];
    directory = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    signal(SIGTERM, end);
    puts("mounted");
    while (read(channel[0], &packet, sizeof packet) > 0) {
        puts("asked");
        if (strcmp(words[2], "answer"))
            continue;
        if (mount("attack", words[1], "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"))
            fail("mount");
        ioctl(directory, AUTOFS_IOC_READY, packet.v5_packet.wait_queue_token);
    }
}
