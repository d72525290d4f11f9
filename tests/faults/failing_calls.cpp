/// Preloaded into a program (LD_PRELOAD), it has one call to the system go wrong: see faults.py. A filter of the
/// kernel's (seccomp) hands every call of the kinds below to the handler here, those from within the C library
/// included, and the handler makes them itself, or does not.
///
///   GAZE_FAULTS_KINDS   the kinds that are counted: "write,fsync"; all that the table has without it
///   GAZE_FAULTS_AT      which of them, from 1, goes wrong; 0: none
///   GAZE_FAULTS_DO      what happens then: "error N" (errno), "short" (half of what was asked for), "kill", "torn"
///   (half
///                       of it, then kill) or "signal N" before the call
///   GAZE_FAULTS_LOG     a file that gets a line for each counted call: its kind and what it is about

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace {

/// What the first arguments of a call are.
enum class Shape { path, path_in_folder, descriptor, sized, other };

struct Kind {
  long number;
  const char* name;
  Shape shape;
};

constexpr Kind kinds[] = {
    {SYS_read, "read", Shape::sized},
    {SYS_pread64, "read", Shape::sized},
    {SYS_readv, "read", Shape::descriptor},
    {SYS_write, "write", Shape::sized},
    {SYS_pwrite64, "write", Shape::sized},
    {SYS_writev, "write", Shape::descriptor},
    {SYS_open, "open", Shape::path},
    {SYS_openat, "open", Shape::path_in_folder},
    {SYS_creat, "open", Shape::path},
    {SYS_close, "close", Shape::descriptor},
    {SYS_stat, "stat", Shape::path},
    {SYS_lstat, "stat", Shape::path},
    {SYS_fstat, "stat", Shape::descriptor},
    {SYS_newfstatat, "stat", Shape::path_in_folder},
    {SYS_statx, "stat", Shape::path_in_folder},
    {SYS_access, "stat", Shape::path},
    {SYS_fsync, "fsync", Shape::descriptor},
    {SYS_fdatasync, "fsync", Shape::descriptor},
    {SYS_rename, "rename", Shape::path},
    {SYS_renameat, "rename", Shape::path_in_folder},
    {SYS_renameat2, "rename", Shape::path_in_folder},
    {SYS_unlink, "unlink", Shape::path},
    {SYS_unlinkat, "unlink", Shape::path_in_folder},
    {SYS_rmdir, "unlink", Shape::path},
    {SYS_mkdir, "mkdir", Shape::path},
    {SYS_mkdirat, "mkdir", Shape::path_in_folder},
    {SYS_truncate, "truncate", Shape::path},
    {SYS_ftruncate, "truncate", Shape::descriptor},
    {SYS_fchmod, "chmod", Shape::descriptor},
    {SYS_chmod, "chmod", Shape::path},
    {SYS_readlink, "readlink", Shape::path},
    {SYS_getdents64, "readdir", Shape::descriptor},
    {SYS_lseek, "seek", Shape::descriptor},
    {SYS_flock, "flock", Shape::descriptor},
    {SYS_fcntl, "fcntl", Shape::descriptor},
    {SYS_dup2, "dup", Shape::descriptor},
    {SYS_mmap, "mmap", Shape::other},
};

bool is_counted[sizeof kinds / sizeof *kinds];
long fails_at = 0, calls = 0;
enum class Deed { none, error, half, kill, torn, signal } deed = Deed::none;
long parameter = 0;
int log_file = -1;

// long made(long number, long a, long b, long c, long d, long e, long f): the one place that the filter lets through.
extern "C" long gaze_faults_call(long, long, long, long, long, long, long);
extern "C" char gaze_faults_called[];
asm(R"(
    .text
    .type gaze_faults_call, @function
gaze_faults_call:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
gaze_faults_called:
    ret
)");

void say(const char* text) {
  gaze_faults_call(SYS_write, log_file, reinterpret_cast<long>(text), static_cast<long>(strlen(text)), 0, 0, 0);
}

void note(const Kind& kind, const long* a) {
  if (log_file < 0) return;
  char text[512], *to = text, *const end = text + sizeof text - 2;
  const auto put = [&](const char* part) {
    while (*part && to < end) *to++ = *part == '\n' ? '?' : *part, ++part;
  };
  put(kind.name), put(" ");
  const long path = kind.shape == Shape::path ? a[0] : kind.shape == Shape::path_in_folder ? a[1] : 0;
  if (path) {
    put(reinterpret_cast<const char*>(path));
  } else if (kind.shape == Shape::descriptor || kind.shape == Shape::sized) {  // by the name that it was opened under
    char link[40] = "/proc/self/fd/", *digit = link + strlen(link) + 10;
    *digit = 0;
    unsigned number = static_cast<unsigned>(a[0]);
    char digits[12], *d = digits + sizeof digits - 1;
    *d = 0;
    do *--d = static_cast<char>('0' + number % 10);
    while ((number /= 10) > 0);
    strcpy(link + strlen("/proc/self/fd/"), d);
    const long length =
        gaze_faults_call(SYS_readlink, reinterpret_cast<long>(link), reinterpret_cast<long>(to), end - to, 0, 0, 0);
    if (length > 0) to += length;
  }
  *to++ = '\n', *to = 0;
  say(text);
}

long done_wrong(const Kind& kind, const long* a) {
  const auto made = [&](const long* with) {
    return gaze_faults_call(kind.number, with[0], with[1], with[2], with[3], with[4], with[5]);
  };
  const auto halved = [&] {
    if (kind.shape != Shape::sized) return made(a);
    const long some[] = {a[0], a[1], (a[2] + 1) / 2, a[3], a[4], a[5]};
    return made(some);
  };
  const auto send = [](long signal) {
    gaze_faults_call(SYS_kill, gaze_faults_call(SYS_getpid, 0, 0, 0, 0, 0, 0), signal, 0, 0, 0, 0);
  };
  switch (deed) {
    case Deed::none: break;
    case Deed::error:
      if (kind.number == SYS_close) made(a);  // Linux closes it in any case
      return -parameter;
    case Deed::half: return halved();
    case Deed::torn: halved(); [[fallthrough]];
    case Deed::kill: send(SIGKILL); break;
    case Deed::signal: send(parameter); break;
  }
  return made(a);
}

void on_call(int, siginfo_t* info, void* context) {
  greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const long a[] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                    registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    if (kinds[i].number != info->si_syscall) continue;
    note(kinds[i], a);
    const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    registers[REG_RAX] = call == fails_at ? done_wrong(kinds[i], a)
                                          : gaze_faults_call(info->si_syscall, a[0], a[1], a[2], a[3], a[4], a[5]);
    return;
  }
  registers[REG_RAX] = -ENOSYS;  // no other call comes here
}

[[noreturn]] void give_up(const char* why) {
  if (write(2, why, strlen(why)) < 0) _exit(125);
  _exit(125);  // a status that the program does not have
}

bool names(const char* list, const char* name) {
  const size_t length = strlen(name);
  for (const char* at = list; (at = strstr(at, name)); at += length)
    if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return true;
  return false;
}

__attribute__((constructor)) void begin() {
  const char *const at = getenv("GAZE_FAULTS_AT"), *const what = getenv("GAZE_FAULTS_DO"),
                    *const list = getenv("GAZE_FAULTS_KINDS"), *const log = getenv("GAZE_FAULTS_LOG");
  fails_at = at ? atol(at) : 0;
  if (what && strncmp(what, "error ", 6) == 0)
    deed = Deed::error, parameter = atol(what + 6);
  else if (what && strncmp(what, "signal ", 7) == 0)
    deed = Deed::signal, parameter = atol(what + 7);
  else if (what && strcmp(what, "short") == 0)
    deed = Deed::half;
  else if (what && strcmp(what, "kill") == 0)
    deed = Deed::kill;
  else if (what && strcmp(what, "torn") == 0)
    deed = Deed::torn;
  else if (fails_at > 0)
    give_up("failing_calls: GAZE_FAULTS_DO is not known\n");
  if (log) {
    const int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    log_file = fcntl(file, F_DUPFD_CLOEXEC, 900);  // the program's own descriptors are numbered as ever
    close(file);
    if (log_file < 0) give_up("failing_calls: the log cannot be written\n");
  }

  sock_filter filter[8 + sizeof kinds / sizeof *kinds];
  unsigned short count = 0;
  const auto add = [&](unsigned code, unsigned long value, unsigned char yes, unsigned char no) {
    filter[count++] = {static_cast<unsigned short>(code), yes, no, static_cast<unsigned>(value)};
  };
  const auto handler = reinterpret_cast<unsigned long>(gaze_faults_called);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer), 0, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, handler & 0xffffffff, 0, 3);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer) + 4, 0, 0);
  add(BPF_JMP | BPF_JEQ | BPF_K, handler >> 32, 0, 1);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr), 0, 0);
  unsigned char taken = 0;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    is_counted[i] = !list || names(list, kinds[i].name);
    taken = static_cast<unsigned char>(taken + is_counted[i]);
  }
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i)
    if (is_counted[i]) add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned long>(kinds[i].number), taken--, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
  const sock_fprog program{count, filter};

  struct sigaction action {};
  action.sa_sigaction = on_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  if (sigaction(SIGSYS, &action, nullptr) != 0) give_up("failing_calls: no handler can be set\n");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    give_up("failing_calls: this system lets no filter of calls be set (seccomp)\n");
}

}  // namespace
