#include "scheduler/class_topics.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/core/fleet.h"

/* One class. state: NEW -> ASKED -> READY, back to NEW on failure. */
struct class_topic {
    struct class_topics *list;
    char name[TOPIC_NAME_BYTES];
    struct log_topic topic;
    uint64_t heard; /* when it was last, by the list's count */
    bool is_asked;
    bool is_ready;
};

struct class_topics {
    struct log *log;
    uint32_t count;
    uint64_t heard; /* names so far */
    uint32_t asked; /* callbacks to come */
    bool is_freed;
    struct class_topic topics[FLEET_CLASSES_MAX];
};

struct class_topics *class_topics_new(struct log *log)
{
    struct class_topics *list = calloc(1, sizeof(*list));

    if (list == NULL) {
        abort();
    }
    list->log = log;
    return list;
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct class_topic *topic = argument;
    struct class_topics *list = topic->list;

    topic->is_asked = false;
    topic->is_ready = err == NULL;
    list->asked--;
    if (list->is_freed && list->asked == 0) {
        free(list);
    }
}

/* The place of the class that has not been heard of for longest; NULL while all are being made. */
static struct class_topic *oldest(struct class_topics *list)
{
    struct class_topic *found = NULL;

    for (uint32_t i = 0; i < list->count; i++) {
        struct class_topic *topic = &list->topics[i];

        if (!topic->is_asked && (found == NULL || topic->heard < found->heard)) {
            found = topic;
        }
    }
    return found;
}

static struct class_topic *find(struct class_topics *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->topics[i].name, name) == 0) {
            return &list->topics[i];
        }
    }
    struct class_topic *topic =
        list->count < FLEET_CLASSES_MAX ? &list->topics[list->count++] : oldest(list);

    if (topic == NULL) {
        return NULL;
    }
    *topic = (struct class_topic){.list = list};
    memcpy(topic->name, name, strlen(name) + 1);
    topic->topic = topic_of_class(topic->name, 0);
    return topic;
}

void class_topics_heard(struct class_topics *list, struct span class_name)
{
    char name[TOPIC_NAME_BYTES];

    if (!topic_name_of_class(class_name, name)) {
        return;
    }
    struct class_topic *topic = find(list, name);

    if (topic != NULL) {
        topic->heard = ++list->heard;
    }
    if (topic != NULL && !topic->is_ready && !topic->is_asked) {
        topic->is_asked = true;
        list->asked++;
        log_prepare(list->log, &topic->topic, 1, prepared, topic);
    }
}

void class_topics_free(struct class_topics *list)
{
    if (list == NULL) {
        return;
    }
    list->is_freed = true;
    if (list->asked == 0) {
        free(list);
    }
}
