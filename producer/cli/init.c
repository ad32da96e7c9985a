/* init: a commented example of a cluster file, to begin with. */
#include <errno.h>
#include <string.h>

#include "producer/cli/cli.h"
#include "producer/cli/commands.h"

/* Runs as it is where the image `busybox` is (examples/images/make). */
static const char example[] =
    "# A cluster is a graph of satellites: steps, each in a container of its own.\n"
    "#   exosphere validate cluster.yaml     checks this file and prints the graph\n"
    "#   exosphere run cluster.yaml          runs it and shows how it goes\n"
    "#   exosphere run cluster.yaml --input greeting=Hi --input 'names=[\"Ann\"]'\n"
    "exosphere: v1\n"
    "cluster:\n"
    "  name: example/hello                  # project/name\n"
    "  title: Greet a few people\n"
    "  labels: {team: me}                   # to find executions again: exosphere list -l team=me\n"
    "  sla: 5m                              # when it should be done; a miss is recorded\n"
    "  timeout: 1h                          # when it is stopped\n"
    "\n"
    "  # What an execution may be given. Types: any, int, number, string, bool, list, map.\n"
    "  inputs:\n"
    "    greeting: {type: string, default: Hello, description: the word to begin with}\n"
    "    names: {type: list, default: [Ada, Grace, Katherine]}\n"
    "\n"
    "  # What satellites have that do not say otherwise.\n"
    "  defaults:\n"
    "    image: oci:busybox                 # below the worker's image_dir; docker://NAME:TAG "
    "pulls\n"
    "    resources: {cpu: 250m, memory: 64Mi}\n"
    "    retries: {limit: 2}                # more tries of a step that fails\n"
    "\n"
    "  satellites:\n"
    "    # One task for each name. What a satellite writes to /exosphere/output.json is its "
    "output;\n"
    "    # here it is what it prints (output: stdout), which must be JSON.\n"
    "    - name: greet\n"
    "      for_each: ${{ input.names }}\n"
    "      as: who\n"
    "      max_parallel: 10\n"
    "      # Values go into env, never into the text of a script.\n"
    "      env: {GREETING: \"${{ input.greeting }}\", WHO: \"${{ who }}\"}\n"
    "      command: [sh, -c, 'printf \"\\\"%s, %s!\\\"\" \"$GREETING\" \"$WHO\"']\n"
    "      output: stdout\n"
    "\n"
    "    # Comes after `greet`, the satellite before it, as it names no other in `needs`. It "
    "reads\n"
    "    # its input from /exosphere/input.json.\n"
    "    - name: collect\n"
    "      when: ${{ size(input.names) > 0 }}\n"
    "      input: {lines: \"${{ satellites.greet.output }}\"}\n"
    "      command: [cp, /exosphere/input.json, /exosphere/output.json]\n"
    "      timeout: 1m\n"
    "\n"
    "    # Also there (docs/cluster-file.md):\n"
    "    # - {name: repair, join: any_failed, command: [...]}  # runs when `collect` failed\n"
    "    # - {name: allow, wait: {approval: \"Publish?\", timeout: 1h}}\n"
    "    # - name: person                     # a group: its steps run once for each name\n"
    "    #   for_each: ${{ input.names }}\n"
    "    #   satellites: [{name: find, command: [...]}, {name: write, command: [...]}]\n"
    "    # - {name: tidy, final: true, command: [...]}         # at the end, whatever happened\n"
    "\n"
    "  output: ${{ satellites.collect.output.lines }}\n";

static int write_example(const char *path, bool is_forced)
{
    FILE *out = fopen(path, is_forced ? "w" : "wx");

    if (out == NULL && errno == EEXIST) {
        return cli_fail(CLI_EXIT_CONFLICT, "%s is there already; --force writes over it", path);
    }
    if (out == NULL) {
        return cli_fail(CLI_EXIT_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    bool is_written = fputs(example, out) >= 0;

    if (fclose(out) != 0 || !is_written) {
        return cli_fail(CLI_EXIT_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    (void)printf("wrote %s; next: exosphere validate %s\n", path, path);
    return EXIT_STATUS_DONE;
}

static int run(const struct command_call *call)
{
    const char *path =
        call->line->positional_count == 0 ? "cluster.yaml" : call->line->positionals[0];

    if (strcmp(path, "-") == 0) {
        (void)fputs(example, stdout);
        return EXIT_STATUS_DONE;
    }
    return write_example(path, command_line_is_set(call->line, "force"));
}

static const struct flag flags[] = {
    {"force", 'f', NULL, "write over a file that is there", false},
};

const struct command command_init = {
    .name = "init",
    .arguments = "[FILE]",
    .summary = "write a commented example of a cluster file",
    .details = "FILE is cluster.yaml unless said otherwise; - prints it.\n",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_most = 1,
    .run = run,
};
