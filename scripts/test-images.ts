// Makes the images of the machines that test/system boots, of which some are missing.
import { basename } from 'node:path';
import { ALL_IMAGES, machineImage } from '../test/system/machine-image.ts';

for (const image of ALL_IMAGES) console.log(`${image}: ${basename(await machineImage(image))}`);
