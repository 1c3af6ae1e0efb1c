/*
 * An automount point of root's, as a unit of type automount makes it: whoever goes into it waits until it answers.
 *
 *   attack-autofs DIR answer     mounts a file system in memory there
 *   attack-autofs DIR silent     never answers
 *
 * Says `mounted`, and `asked` for each request. Is gone with its process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/auto_fs4.h>
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
    int directory = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
