// Where groff, zsh and fish are brought along, so that nothing of these is skipped.
import '../checks/manual.test.ts';
import '../cli/completion.test.ts';
