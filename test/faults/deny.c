/* Runs a program to which the kernel refuses system calls: deny FIRST LAST ERRNO PROGRAM [ARGUMENT...]. Those from FIRST
 * to LAST, by number, give ERRNO, as in a kernel that does not know them (ENOSYS) or below a filter (EPERM, EACCES). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count < 5) {
    fprintf(stderr, "usage: %s FIRST LAST ERRNO PROGRAM [ARGUMENT...]\n", words[0]);
    return 64;
  }
  unsigned first = (unsigned)atoi(words[1]), last = (unsigned)atoi(words[2]), error = (unsigned)atoi(words[3]);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  /* Without it only root may set a filter; with it nobody gains rights by executing. */
  if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return perror("no_new_privs"), 71;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return perror("seccomp"), 71;
  execv(words[4], words + 4);
  perror(words[4]);
  return errno == ENOENT ? 127 : 126;
}
