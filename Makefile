# SPDX-License-Identifier: GPL-2.0-or-later
#
# make                 build/muster.bpf.o, build/musterd, build/muster, build/muster-responder
# sudo make demo       the incident, replayed in a lab of network namespaces
# sudo make bench      what the program costs a packet, beside nftables and HAProxy: a table, and build/bench.json
# make bench-verifier  what the verifier makes of each program
# sudo make test       every test; installs what it needs first
# sudo make vmtest     the packet tests under other kernels, in emulated machines
# make unit            unit tests alone, no root needed
# make lint            the style rules that machines can hold
# make install         honours PREFIX and DESTDIR

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib/muster
MANDIR     ?= $(PREFIX)/share/man
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc

CC         ?= gcc
CLANG      ?= clang
PKG_CONFIG ?= pkg-config
B          := build

VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
MULTIARCH  := $(shell $(CC) -print-multiarch 2>/dev/null)
PKGS       := libbpf libelf zlib libsystemd libcurl yaml-0.1 jansson libmicrohttpd libmnl libcap-ng smartcols
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)

# What a build cannot do without; asked once, so that a missing package is one clear line.
ifeq ($(filter install-deps clean demo test bench vmtest,$(MAKECMDGOALS)),)
MISSING := $(shell tools/install-deps --missing)
ifneq ($(strip $(MISSING)),)
$(error missing packages: $(MISSING) -- run: sudo tools/install-deps)
endif
endif

WARN       := -Wall -Wextra -Werror
CPPFLAGS   += -D_GNU_SOURCE -Iinclude -Iagent -DMUSTER_VERSION='"$(VERSION)"' -DMUSTER_LIBDIR='"$(LIBDIR)"' \
              -DMUSTER_SYSCONFDIR='"$(SYSCONFDIR)"' $(PKG_CFLAGS)
CFLAGS     ?= -O2 -g
CFLAGS     += -std=gnu17 $(WARN) -Wno-missing-field-initializers -pthread
LDFLAGS    += -Wl,--as-needed
LDLIBS     += $(PKG_LIBS) -lm -pthread
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 $(WARN) -Iinclude -Ibpf -isystem /usr/include/$(MULTIARCH) \
              -DMUSTER_VERSION='"$(VERSION)"'
FUZZ_CFLAGS := -g -O1 -std=gnu17 -Wall
# With -Og, which compiles in half the time, and leaves the sanitizers more to see. What text fits where is for -O2 to warn of.
SAN        := -Og -Wno-format-truncation -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# Each program is its own main beside the one library that all of agent/ is.
MAINS      := agent/main.c agent/cli/muster.c agent/responder/responder.c
SOURCES    := $(filter-out $(MAINS),$(wildcard agent/*.c agent/*/*.c agent/*/*/*.c))
OBJECTS    := $(SOURCES:%.c=$B/%.o)
SAN_OBJECTS := $(SOURCES:%.c=$B/san/%.o)
# The parsers that are fuzzed, and what they need: the linker says what is missing here.
FUZZ_OBJECTS := $(patsubst %.c,$B/fuzz/%.o,agent/address.c agent/alerts/book.c agent/alerts/book_json.c agent/alerts/rules.c \
                  agent/alerts/receivers/answer.c agent/report/journal_kind.c agent/report/utf8.c agent/config.c agent/state.c agent/state_json.c \
                $(wildcard agent/config/*.c agent/policy/*.c) agent/probe/agent_check.c agent/probe/node_exporter.c)

PROGRAMS   := $B/musterd $B/muster $B/muster-responder $B/muster.bpf.o

all: $(PROGRAMS)

$B/musterd: $B/agent/main.o $B/libmuster.a
$B/muster: $B/agent/cli/muster.o $B/libmuster.a
$B/muster-responder: $B/agent/responder/responder.o $B/libmuster.a
$B/musterd $B/muster $B/muster-responder:
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/libmuster.a: $(OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^
$B/libmuster-san.a: $(SAN_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^
$B/libmuster-fuzz.a: $(FUZZ_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$B/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<
$B/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$B/muster.bpf.o: bpf/muster.bpf.c $(wildcard bpf/*.h include/muster/*.h) Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

# Tests: a program a file, linked with the library built under the sanitizers; each prints TAP.
UNIT       := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/unit/*.c tests/unit/*/*.c))
PACKET     := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/bpf/test_*.c))
HARNESS    := $(patsubst %.c,$B/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c)))
FUZZ       := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/fuzz/*.c))
BENCHTOOLS := $B/tools/bench.d/packets $B/tools/bench.d/packets.bpf.o $B/tools/bench.d/verifier
VMTESTS    := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/vm/test_*.c))
LABTOOLS   := $(patsubst tools/%.c,$B/tools/%,$(filter-out tools/bench.d/% %.bpf.c,$(wildcard tools/*.c tools/*/*.c))) $B/tools/lab.d/decap.bpf.o \
              $(patsubst tests/%.c,$B/tests/%,$(filter-out %.bpf.c,$(wildcard tests/e2e/*.c))) $B/tests/e2e/syns.bpf.o \
              $B/tools/bench.d/packets.bpf.o

$B/tests/unit/%: tests/unit/%.c $B/libmuster-san.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP -o $@ $< $B/libmuster-san.a -lcmocka $(LDLIBS)
$B/tests/bpf/libharness.a: $(HARNESS)
	$(AR) rcs $@ $^
$B/tests/bpf/test_%: tests/bpf/test_%.c $B/tests/bpf/libharness.a $B/libmuster.a $B/muster.bpf.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(filter %.a,$^) -lcmocka $(LDLIBS)
$B/tests/vm/test_%: tests/vm/test_%.c tests/vm/tunnel.c tests/vm/tunnel.h $B/tests/bpf/libharness.a $B/libmuster.a $B/muster.bpf.o
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $(filter %.c %.a,$^) -lcmocka $(LDLIBS)
$B/tests/fuzz/%: tests/fuzz/%.c $B/libmuster-fuzz.a
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)
$B/tests/e2e/%: tests/e2e/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(LDLIBS)
$B/tools/%: tools/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< $(LDLIBS)

$B/%.bpf.o: %.bpf.c $(wildcard tools/bench.d/*.h) Makefile
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$B/tools/bench.d/packets: tools/bench.d/packets.c $(wildcard tools/bench.d/*.h)

labtools: $(LABTOOLS)
benchtools: $(BENCHTOOLS)
packets: $(PACKET) $(VMTESTS)
fuzzers: $(FUZZ)
tests: all $(UNIT) packets fuzzers labtools

unit:
	tests/run unit

install-deps:
	tools/install-deps

demo: install-deps
	$(MAKE) --no-print-directory -s all labtools
	tools/demo

# BENCH="--only 1,1000 --rounds 3": options of tools/bench.
bench:
	tools/install-deps bench
	$(MAKE) --no-print-directory -s all labtools benchtools
	tools/bench $(BENCH)

bench-verifier: $B/tools/bench.d/verifier $B/muster.bpf.o
	$B/tools/bench.d/verifier $B/muster.bpf.o

# Without an emulator the tests under other kernels say so and are skipped.
test: install-deps
	-tools/install-deps vm
	tests/run

vmtest: install-deps
	tools/install-deps vm
	$(MAKE) --no-print-directory -s -j$$(nproc) all $(PACKET) $(VMTESTS)
	tests/vm/kernels --all

lint:
	tests/lint

man: $B/muster $B/musterd
	@mkdir -p $B/man
	$B/muster --man >$B/man/muster.8
	$B/muster --playbook >$B/man/muster-playbook.7
	$B/muster --completion >$B/man/muster.bash
	$B/musterd -m >$B/man/musterd.conf.5
	sed 's,@SBINDIR@,$(SBINDIR),; s,@SYSCONFDIR@,$(SYSCONFDIR),' agent/musterd.service.in >$B/man/musterd.service
	sed 's,@BINDIR@,$(BINDIR),' agent/muster-rehearse@.service.in >$B/man/muster-rehearse@.service

install: all man
	install -D -m 755 $B/musterd $(DESTDIR)$(SBINDIR)/musterd
	install -D -m 755 $B/muster $(DESTDIR)$(BINDIR)/muster
	install -D -m 755 $B/muster-responder $(DESTDIR)$(BINDIR)/muster-responder
	install -D -m 644 $B/muster.bpf.o $(DESTDIR)$(LIBDIR)/muster.bpf.o
	install -D -m 644 $B/man/muster.8 $(DESTDIR)$(MANDIR)/man8/muster.8
	install -D -m 644 $B/man/muster-playbook.7 $(DESTDIR)$(MANDIR)/man7/muster-playbook.7
	install -D -m 644 $B/man/musterd.conf.5 $(DESTDIR)$(MANDIR)/man5/musterd.conf.5
	install -D -m 644 $B/man/muster.bash $(DESTDIR)$(COMPDIR)/muster
	install -D -m 644 $B/man/musterd.service $(DESTDIR)$(UNITDIR)/musterd.service
	install -D -m 644 $B/man/muster-rehearse@.service $(DESTDIR)$(UNITDIR)/muster-rehearse@.service
	install -D -m 644 agent/muster-rehearse@.timer $(DESTDIR)$(UNITDIR)/muster-rehearse@.timer

clean:
	rm -rf $B

.PHONY: all labtools benchtools packets fuzzers tests unit demo bench bench-verifier test vmtest lint man install install-deps clean
.DELETE_ON_ERROR:

-include $(OBJECTS:.o=.d) $(SAN_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d) $(MAINS:%.c=$B/%.d) $(UNIT:%=%.d) $(HARNESS:.o=.d) $(PACKET:%=%.d) $(LABTOOLS:%=%.d)
