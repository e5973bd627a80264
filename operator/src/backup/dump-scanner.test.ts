import {createHash} from 'node:crypto';
import {describe, expect, test} from '@jest/globals';
import fc from 'fast-check';
import {DumpScanner, type ScanResult} from './dump-scanner.ts';

function scan(...chunks: readonly (string | Buffer)[]): ScanResult {
  const scanner = new DumpScanner();
  for (const chunk of chunks) scanner.push(Buffer.from(chunk));
  return scanner.end();
}

const heading = (text: string): string => `\n--\n-- ${text}\n--\n\n`;
const END = '/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\n-- Dump completed on 2026-11-23 12:53:45\n';

/** Each hides what looks like structure where it isn't. */
const trapped = [
  '-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)\n--\n-- Server version\t9.7.4\n\n/*!50503 SET NAMES utf8mb4 */;\n',
  heading('Table structure for table `we``ird`'),
  'DROP TABLE IF EXISTS `we``ird`;\n',
  "CREATE TABLE `we``ird` (\n  `id` int COMMENT 'it''s \\n\n-- Table structure for table `fake`\n; ',\n  `a(b` text\n);\n",
  heading('Dumping data for table `we``ird`'),
  "LOCK TABLES `we``ird` WRITE;\nINSERT INTO `we``ird` (`id`, `VALUES (`) VALUES (1,'a),(b\\'; \\\\'),(2,'(;('),(-3,0x28),(4,'é''(');\n",
  "INSERT INTO `we``ird` (`id`, `VALUES (`) VALUES (5,_binary '\\\\');\nUNLOCK TABLES;\n",
  'DELIMITER ;;\n',
  "/*!50003 CREATE*/ /*!50017 DEFINER=`a TABLE b`@`%`*/ /*!50003 TRIGGER `t1` BEFORE INSERT ON `we``ird` FOR EACH ROW BEGIN\n-- it's\n# don't\n/* ' */ SET @a = 1; SET @b = '\n-- Dump completed\n;;';\n SET @c = 4--1; END */;;\n",
  'DELIMITER ;\n',
  heading('Temporary view structure for view `v`'),
  '/*!50001 CREATE VIEW `v` AS SELECT \n 1 AS `one`*/;\n',
  heading("Dumping events for database 'tasks'"),
  'DELIMITER ;;\n/*!50106 CREATE*/ /*!50117 DEFINER=`r`@`h`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO SELECT 1 */ ;;\nDELIMITER ;\n',
  heading("Dumping routines for database 'tasks'"),
  "/*!50003 SET sql_mode              = 'NO_BACKSLASH_ESCAPES' */ ;\nDELIMITER ;;\nCREATE DEFINER=`r`@`h` PROCEDURE `p`()\nBEGIN SELECT '\\'; SELECT \"'\"; END ;;\n",
  'CREATE DEFINER=`r`@`h` FUNCTION `f`() RETURNS int\nRETURN 1 ;;\nDELIMITER ;\n/*!50003 SET sql_mode              = @saved_sql_mode */ ;\n',
  heading('Final view structure for view `v`'),
  '/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`r`@`h` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select 1 AS `one` */;\n',
  END,
].join('');

describe('a scanned dump', () => {
  test('has the rows and objects that are there, not those that only look so', () => {
    const {sections, objects, complete, clientVersion, serverVersion} = scan(trapped);
    expect(sections.map(({kind, name, rows}) => [kind, name, rows])).toEqual([
      ['header', '', 0],
      ['table', 'we`ird', 5],
      ['view-columns', 'v', 0],
      ['events', 'tasks', 0],
      ['routines', 'tasks', 0],
      ['view', 'v', 0],
      ['end', '', 0],
    ]);
    expect(objects.map(({kind, name}) => `${kind} ${name}`)).toEqual([
      'TABLE we`ird',
      'TRIGGER t1',
      'EVENT e',
      'PROCEDURE p',
      'FUNCTION f',
      'VIEW v',
    ]);
    expect({complete, clientVersion, serverVersion}).toEqual({
      complete: true,
      clientVersion: '9.7.4',
      serverVersion: '9.7.4',
    });
  });

  test('is the same wherever the stream is cut', () => {
    const whole = scan(trapped);
    const bytes = Buffer.from(trapped);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), {maxLength: 60}), (cuts) => {
        const borders = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = borders.slice(1).map((border, index) => bytes.subarray(borders[index], border));
        expect(scan(...chunks)).toEqual(whole);
      }),
    );
    expect(scan(...[...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('is hashed section by section, and nothing is left out', () => {
    const {sections, bytes} = scan(trapped);
    let rest = Buffer.from(trapped);
    expect(rest).toHaveLength(bytes);
    for (const section of sections) {
      const part = rest.subarray(0, section.bytes);
      expect(section.sha256).toBe(createHash('sha256').update(part).digest('hex'));
      rest = rest.subarray(section.bytes);
    }
    expect(rest).toHaveLength(0);
  });

  test.each([
    ['cut before its end', trapped.slice(0, -END.length)],
    ['cut within the last line', trapped.slice(0, -40)],
    ['followed by anything', `${trapped}INSERT INTO \`t\` VALUES (1);\n`],
    ['followed by another line', `${trapped}-- more\n`],
    ['with the end in a string only', `SELECT '\n-- Dump completed\n';\n`],
    ['empty', ''],
  ])('is not complete when it is %s', (_how, text) => {
    expect(scan(text).complete).toBe(false);
  });

  test('counts any rows of any values', () => {
    const value = fc.oneof(
      fc.string({unit: 'binary'}).map((text) => `'${text.replace(/['\\]/g, (c) => `\\${c}`).replaceAll('\n', '\\n')}'`),
      fc.integer().map(String),
      fc.constant('NULL'),
      fc.constant('0x2827'),
    );
    const row = fc.array(value, {minLength: 1, maxLength: 4}).map((values) => `(${values.join(',')})`);
    fc.assert(
      fc.property(fc.array(fc.array(row, {minLength: 1, maxLength: 8}), {maxLength: 5}), (inserts) => {
        const data = inserts.map((rows) => `INSERT INTO \`t\` VALUES ${rows.join(',')};\n`).join('');
        const {sections, complete} = scan(heading('Dumping data for table `t`') + data + END);
        expect(sections.find(({kind}) => kind === 'table')?.rows).toBe(inserts.flat().length);
        expect(complete).toBe(true);
      }),
    );
  });
});
