/** `node put.ts ENDPOINT BUCKET KEY`: stores its standard input, as a person's script with the AWS SDK would. */
import {S3Client} from '@aws-sdk/client-s3';
import {Upload} from '@aws-sdk/lib-storage';

const [endpoint = '', bucket = '', key = ''] = process.argv.slice(2);
const client = new S3Client({
  endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: {
    accessKeyId: process.env['S3_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: process.env['S3_SECRET_ACCESS_KEY'] ?? '',
  },
});
await new Upload({client, params: {Bucket: bucket, Key: key, Body: process.stdin}}).done();
