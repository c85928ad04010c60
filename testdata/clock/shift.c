/* Sets all clocks of a program forward, by $CLOCK_SHIFT seconds from the start or, while
   it runs, by the 64-bit number that the file $CLOCK_FILE begins with:
   gcc -shared -fPIC -o shift.so shift.c; LD_PRELOAD=./shift.so CLOCK_SHIFT=600 date
   libfaketime does not get along with redis-server's allocator, nor does it reach
   programs in Go: they ask the kernel's vDSO, whose function is replaced, too. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t fixed;
static volatile int64_t *ahead = &fixed;

int clock_gettime(clockid_t clock, struct timespec *now) {
	int failed = syscall(SYS_clock_gettime, clock, now);
	if (!failed && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
		now->tv_sec += *ahead;
	return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
	int failed = syscall(SYS_gettimeofday, now, zone);
	if (!failed)
		now->tv_sec += *ahead;
	return failed;
}

time_t time(time_t *now) {
	struct timeval tv;
	gettimeofday(&tv, NULL);
	if (now)
		*now = tv.tv_sec;
	return tv.tv_sec;
}

static void must(int ok, const char *what) {
	if (!ok) {
		perror(what);
		_exit(127);
	}
}

/* replace has the function at code, in the vDSO, jump to ours. */
static void replace(char *code, void *ours) {
#if defined(__x86_64__)
	unsigned char jump[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; /* movabs rax; jmp rax */
	memcpy(jump + 2, &ours, sizeof ours);
#elif defined(__aarch64__)
	unsigned char jump[16] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6}; /* ldr x16, 8; br x16 */
	memcpy(jump + 8, &ours, sizeof ours);
#else
#error "no jump is known for this processor"
#endif
	memcpy(code, jump, sizeof jump);
	__builtin___clear_cache(code, code + sizeof jump);
}

/* replaceAll finds the vDSO's clock_gettime. The kernel lets only the whole of its
   pages be made writable. */
static void replaceAll(char *vdso) {
	Elf64_Ehdr *head = (Elf64_Ehdr *)vdso;
	Elf64_Shdr *sections = (Elf64_Shdr *)(vdso + head->e_shoff);
	size_t size = head->e_shoff + head->e_shnum * sizeof *sections;
	int found = 0;
	must(!mprotect(vdso, size, PROT_READ | PROT_WRITE | PROT_EXEC), "making the vDSO writable");
	for (int i = 0; i < head->e_shnum; i++) {
		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		Elf64_Sym *symbols = (Elf64_Sym *)(vdso + sections[i].sh_offset);
		char *names = vdso + sections[sections[i].sh_link].sh_offset;
		for (size_t s = 0; s < sections[i].sh_size / sizeof *symbols; s++) {
			char *name = names + symbols[s].st_name;
			if (strcmp(name, "__vdso_clock_gettime") && strcmp(name, "__kernel_clock_gettime"))
				continue;
			replace(vdso + symbols[s].st_value, clock_gettime);
			found = 1;
		}
	}
	must(found, "finding clock_gettime in the vDSO");
}

__attribute__((constructor)) static void start(void) {
	char *seconds = getenv("CLOCK_SHIFT"), *path = getenv("CLOCK_FILE");
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
	if (seconds)
		fixed = atol(seconds);
	if (path) {
		int file = open(path, O_RDONLY);
		must(file >= 0, path);
		ahead = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
		must(ahead != MAP_FAILED, path);
		close(file);
	}
	if (vdso)
		replaceAll(vdso);
}
