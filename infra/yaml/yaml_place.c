#include "infra/yaml/yaml_place.h"

void yaml_place_init(struct yaml_place *place, struct span text)
{
    *place = (struct yaml_place){.text = text, .line = 1};
}

/* One character on. A line ends at \n, and at a \r that no \n follows. */
static void step(struct yaml_place *place)
{
    const unsigned char *bytes = place->text.data;
    size_t at = place->byte;
    unsigned char byte = bytes[at++];
    unsigned char next = at < place->text.bytes ? bytes[at] : 0;

    while (byte >= 0x80 && at < place->text.bytes && (bytes[at] & 0xc0) == 0x80) {
        at++;
    }
    place->byte = at;
    place->character++;
    if (byte == '\n' || (byte == '\r' && next != '\n')) {
        place->line++;
        place->line_begin = at;
    }
}

void yaml_place_move(struct yaml_place *place, size_t character)
{
    if (character < place->character) {
        yaml_place_init(place, place->text);
    }
    while (place->character < character && place->byte < place->text.bytes) {
        step(place);
    }
}

void yaml_place_move_byte(struct yaml_place *place, size_t byte)
{
    if (byte < place->byte) {
        yaml_place_init(place, place->text);
    }
    while (place->byte < byte && place->byte < place->text.bytes) {
        step(place);
    }
}
