/* rules_state: between the files of rules only. */
#ifndef EXO_TESTS_SIM_RULES_STATE_H
#define EXO_TESTS_SIM_RULES_STATE_H

void rules_fleet_begin(void);
void rules_order_begin(void);
void rules_signal_begin(void);
void rules_answer_begin(void);
void rules_rerun_begin(void);
void rules_ticket_begin(void);

#endif /* EXO_TESTS_SIM_RULES_STATE_H */
