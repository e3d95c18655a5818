// plugin_call.c - what one message costs at the plugin boundary: begin and complete, nothing of AMQP around it.
//
//   plugin_call PLUGIN.so HANDLER [--calls N] [--turns N] [--body BYTES] [--also PLUGIN.so]
//
// Loads the plugin as the supervisor does, makes one instance, and hands it the same body N times in each turn.
// Prints one line of JSON. --also loads a second plugin first, to see that two of them live in one process.
// Exit status: 0, 1 if an outcome was missing, doubled or no ack, 2 if the plugin can not be used, 64 wrong usage.
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "millrace_abi.h"

// A delivery as the host below knows it: the ABI's tokens are opaque, so this is ours to define.
struct millrace_token {
    uint64_t completions;
    uint64_t acks;
};

static void complete(millrace_token *token, const millrace_outcome *outcome) {
    token->completions++;
    token->acks += outcome->kind == MILLRACE_ACK;
}
static void schedule(millrace_worker *worker, void (*function)(void *), void *argument) {
    (void)worker, (void)function, (void)argument;
    fputs("plugin_call: the handler scheduled a step; only sync handlers can be measured here\n", stderr);
    exit(2);
}
static int32_t publish(millrace_token *token, const millrace_publication *publication) {
    (void)token, (void)publication;
    return 0;
}
static void property(millrace_token *token, uint32_t which, millrace_value *out) {
    (void)token, (void)which;
    out->kind = MILLRACE_NONE;
}
static void header(millrace_token *token, millrace_bytes key, millrace_value *out) {
    (void)token, (void)key;
    out->kind = MILLRACE_NONE;
}
static void write_log(millrace_worker *worker, millrace_token *token, uint32_t level, millrace_bytes text) {
    (void)worker, (void)token, (void)level;
    fprintf(stderr, "%.*s\n", (int)text.length, (const char *)text.data);
}
static void metric(millrace_worker *worker, millrace_bytes name, uint32_t kind, double value) {
    (void)worker, (void)name, (void)kind, (void)value;
}
static uint8_t is_cancelled(millrace_token *token) {
    (void)token;
    return 0;
}
static millrace_bytes job_name(millrace_worker *worker) {
    (void)worker;
    return (millrace_bytes){(const uint8_t *)"bench", 5};
}
static const millrace_host host = {
    .size = sizeof(millrace_host), .abi_version = MILLRACE_ABI_VERSION,
    .complete = complete, .schedule = schedule, .publish = publish,
    .property = property, .header = header, .log = write_log,
    .metric = metric, .is_cancelled = is_cancelled, .job_name = job_name,
};

static void report(void *context, millrace_bytes text) {
    (void)context;
    fprintf(stderr, "plugin_call: the handler does not start: %.*s\n", (int)text.length, (const char *)text.data);
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "plugin_call: %s: %s\n", what, why);
    exit(2);
}

static const millrace_plugin_descriptor *load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(path, dlerror());
    millrace_plugin_function function;
    *(void **)&function = dlsym(library, "millrace_plugin");
    if (!function) fail(path, "it has no symbol millrace_plugin");
    const millrace_plugin_descriptor *plugin = function();
    if (!plugin || plugin->abi_version != MILLRACE_ABI_VERSION) fail(path, "it is built for another plugin ABI");
    return plugin;
}

static const millrace_handler *find(const millrace_plugin_descriptor *plugin, const char *name) {
    for (size_t i = 0; i < plugin->handler_count; i++)
        if (strcmp(plugin->handlers[i]->name, name) == 0) return plugin->handlers[i];
    fail(name, "the plugin has no such handler");
    return NULL;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value < least || value > most) {
        fprintf(stderr, "plugin_call: '%s' is not %llu...%llu\n", text, (unsigned long long)least,
                (unsigned long long)most);
        exit(64);
    }
    return value;
}

int main(int argc, char **argv) {
    uint64_t calls = 1000000, turns = 9, length = 64;
    const char *also = NULL;
    if (argc < 3 || argc % 2 == 0) {
        fputs("usage: plugin_call PLUGIN.so HANDLER [--calls N] [--turns N] [--body BYTES] [--also PLUGIN.so]\n", stderr);
        return 64;
    }
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--calls") == 0) calls = number(argv[i + 1], 1, 1000000000);
        else if (strcmp(argv[i], "--turns") == 0) turns = number(argv[i + 1], 1, 99);
        else if (strcmp(argv[i], "--body") == 0) length = number(argv[i + 1], 0, 1 << 20);
        else if (strcmp(argv[i], "--also") == 0) also = argv[i + 1];
        else return fprintf(stderr, "plugin_call: unknown argument '%s'\n", argv[i]), 64;
    }
    if (also) load(also);
    const millrace_handler *handler = find(load(argv[1]), argv[2]);
    if (handler->flags & MILLRACE_HANDLER_ASYNC) fail(argv[2], "is async; only sync handlers can be measured here");
    millrace_worker *worker = (millrace_worker *)&host;  // never looked at, by us or by the plugin
    millrace_failure failure = {NULL, report};
    millrace_bytes options = {(const uint8_t *)"{}", 2};
    void *instance = NULL;
    if (handler->make(handler, &host, worker, options, &instance, &failure) != 0) return 2;

    uint8_t *body = malloc(length + 1);
    for (uint64_t i = 0; i < length; i++) body[i] = (uint8_t)i;
    millrace_message message = {
        .size = sizeof message, .body = {body, length}, .routing_key = {(const uint8_t *)"touch", 5}, .attempt = 1,
    };
    millrace_token token = {0, 0};
    double took[99];
    for (uint64_t turn = 0; turn < turns; turn++) {
        uint64_t started = now();
        for (uint64_t i = 0; i < calls; i++) handler->begin(instance, &message, &token);
        took[turn] = (double)(now() - started) / (double)calls;
    }
    handler->drop(instance);
    free(body);
    qsort(took, turns, sizeof *took, ascending);
    bool whole = token.completions == calls * turns && token.acks == token.completions;
    printf("{\"handler\":\"%s\",\"calls\":%llu,\"turns\":%llu,\"ns_min\":%.1f,\"ns_median\":%.1f,\"ns_max\":%.1f,"
           "\"each_acked_once\":%s}\n",
           argv[2], (unsigned long long)calls, (unsigned long long)turns, took[0], took[turns / 2], took[turns - 1],
           whole ? "true" : "false");
    return whole ? 0 : 1;
}
