/** The option with which the program acts as another user; its arguments are made by `system/become.ts`. */
export const ACT_AS = '--act-as';
