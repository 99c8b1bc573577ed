// Runs in CloudFront before the cache lookup. Passes on the viewer's host, and the path in base64url, which
// nothing on the way to the function encodes again (lambda_src/iiif/viewer.py decodes it).
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
function handler(event) {
  var request = event.request;
  request.headers['x-forwarded-host'] = { value: request.headers.host.value };
  request.uri = '/i/' + Buffer.from(request.uri).toString('base64url');
  return request;
}
