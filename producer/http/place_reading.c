#include "producer/http/place_reading.h"

/* A walk from the top level through runs; in the exchange's arena. */
struct walk {
    struct exchange *x;
    struct read_place place;
    struct span text;
    uint32_t passed;       /* runs of the path gone through */
    struct read_home runs; /* whose run is on its way */
    bool is_stopped;       /* a group on the way is being ended */
    place_reading_done *place_done;
    frame_reading_done *frame_done;
};

struct span read_frame_path(struct exchange *x, const struct read_frame *frame,
                            const struct satellite *satellite)
{
    size_t bytes = frame->run.bytes + 1 + satellite->name.bytes;

    if (frame->run.bytes == 0) {
        return satellite->name;
    }
    char *path = exchange_alloc(x, bytes + 1);

    memcpy(path, frame->run.data, frame->run.bytes);
    path[frame->run.bytes] = '.';
    memcpy(path + frame->run.bytes + 1, satellite->name.data, satellite->name.bytes);
    return (struct span){path, bytes};
}

bool read_frame_of_run(struct arena *arena, const struct store_run *row,
                       const struct satellite *group, struct read_frame *ret_frame)
{
    struct span body = arena_copy(arena, row->body);
    struct wire_run run;

    if (body.data == NULL || wire_run_unpack(body, arena, &run) != WIRE_OK ||
        (group != NULL && run.instance_count != group->inner_count)) {
        return false;
    }
    *ret_frame = (struct read_frame){
        .instances = run.instances,
        .instance_count = run.instance_count,
        .first = group == NULL ? 0 : group->inner_first,
        .number = run.number,
        .group = run.group,
        .index = run.index,
    };
    return true;
}

struct read_frame read_frame_root(const struct read_execution *execution)
{
    return (struct read_frame){.home = execution->row.id,
                               .instances = execution->body.instances,
                               .instance_count = execution->body.instance_count};
}

const struct wire_instance *read_frame_instance(const struct read_frame *frame,
                                                const struct satellite *satellite)
{
    return &frame->instances[satellite->index - frame->first];
}

/* The text up to and with the run that comes next: page.3 of page.3.parse. */
static struct span run_text(const struct walk *walk)
{
    const struct task_path_run *run = &walk->place.path.runs[walk->passed];
    const char *text = walk->text.data;
    size_t dots = run->group->for_each != NULL ? 2 : 1;
    size_t bytes = walk->place.frame.run.bytes;

    bytes += bytes > 0 ? 1 : 0;
    while (bytes < walk->text.bytes && (text[bytes] != '.' || --dots > 0)) {
        bytes++;
    }
    return (struct span){text, bytes};
}

static bool index_is_there(struct walk *walk, const struct satellite *satellite, uint32_t index,
                           const struct wire_instance *instance)
{
    if (satellite->for_each == NULL || index < instance->task_count) {
        return true;
    }
    exchange_problem(walk->x, 404, "`%.*s`: the map `%.*s` has %u tasks so far",
                     SPAN_ARG(walk->text), SPAN_ARG(satellite->name), instance->task_count);
    return false;
}

static void walk_end(struct walk *walk)
{
    struct read_place *place = &walk->place;
    const struct satellite *satellite = place->path.satellite;

    if (walk->frame_done != NULL) {
        walk->frame_done(walk->x, place->execution, &place->frame);
        return;
    }
    place->instance = read_frame_instance(&place->frame, satellite);
    place->number = place->frame.number + satellite->index - place->frame.first;
    place->is_stopped = walk->is_stopped || place->instance->stop != TASK_WAITING;
    if (!place->path.has_index ||
        index_is_there(walk, satellite, place->path.index, place->instance)) {
        walk->place_done(walk->x, place);
    }
}

static void walk_on(struct walk *walk);

static void on_run(void *argument, const struct store_run *runs, uint32_t count,
                   const struct exo_error *err)
{
    struct walk *walk = argument;
    struct exchange *x = walk->x;
    struct span text;

    if (!exchange_back_with(x, err)) {
        return;
    }
    text = run_text(walk);
    if (count == 0) {
        exchange_problem(x, 404, "`%.*s`: the run `%.*s` has not begun", SPAN_ARG(walk->text),
                         SPAN_ARG(text));
        return;
    }
    if (!read_frame_of_run(&x->arena, &runs[0], walk->place.path.runs[walk->passed].group,
                           &walk->place.frame)) {
        exchange_problem(x, 500, "a run in the store cannot be read by this version");
        return;
    }
    walk->place.frame.home = walk->runs.execution;
    walk->place.frame.run = text;
    walk->passed++;
    walk_on(walk);
}

static void walk_on(struct walk *walk)
{
    const struct task_path_run *run = &walk->place.path.runs[walk->passed];
    const struct read_frame *frame = &walk->place.frame;

    if (walk->passed == walk->place.path.run_count) {
        walk_end(walk);
        return;
    }
    const struct wire_instance *instance = read_frame_instance(frame, run->group);

    if (!index_is_there(walk, run->group, run->index, instance)) {
        return;
    }
    walk->is_stopped = walk->is_stopped || instance->stop != TASK_WAITING;
    walk->runs =
        instance->has_origin
            ? (struct read_home){instance->origin, instance->origin_number}
            : (struct read_home){frame->home, frame->number + run->group->index - frame->first};
    store_run_get(walk->x->api->store, &walk->runs.execution, walk->runs.number, run->index, 1,
                  on_run, (exchange_wait(walk->x), walk));
}

/* ---- the beginning ---- */

static void walk_from(struct walk *walk, const struct read_execution *execution)
{
    walk->place.execution = execution;
    walk->place.frame = read_frame_root(execution);
    walk_on(walk);
}

static void on_place_read(struct exchange *x, const struct read_execution *execution)
{
    struct walk *walk = x->walk;

    if (!task_path_parse(execution->cluster, walk->text, &walk->place.path)) {
        exchange_problem(x, 404,
                         "`%.*s` names no satellite or task of this cluster; a task of a map is "
                         "named as count.17, what stands in a group as page.3.parse",
                         SPAN_ARG(walk->text));
        return;
    }
    walk_from(walk, execution);
}

/* The run's group becomes one more run that the walk goes through. */
static void on_frame_read(struct exchange *x, const struct read_execution *execution)
{
    struct walk *walk = x->walk;
    struct task_path *path = &walk->place.path;

    if (walk->text.bytes > 0) {
        if (!task_path_parse(execution->cluster, walk->text, path) || !task_path_is_task(path) ||
            path->satellite->kind != SATELLITE_GROUP || path->run_count == LIMIT_GROUP_DEPTH) {
            exchange_problem(x, 404,
                             "`%.*s` names no run of a group of this cluster; name one as page.3, "
                             "or as the group itself where it has no for_each",
                             SPAN_ARG(walk->text));
            return;
        }
        path->runs[path->run_count++] = (struct task_path_run){path->satellite, path->index};
    }
    walk_from(walk, execution);
}

static struct walk *walk_new(struct exchange *x, struct span text)
{
    struct walk *walk = exchange_alloc(x, sizeof(*walk));

    walk->x = x;
    walk->text = exchange_copy(x, text);
    x->walk = walk;
    return walk;
}

void place_reading_begin(struct exchange *x, struct span text, place_reading_done *done)
{
    walk_new(x, text)->place_done = done;
    reading_begin(x, on_place_read);
}

void frame_reading_begin(struct exchange *x, struct span text, frame_reading_done *done)
{
    walk_new(x, text)->frame_done = done;
    reading_begin(x, on_frame_read);
}
