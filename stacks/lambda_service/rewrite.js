// Runs in CloudFront before it looks into its cache: the function behind it learns the viewer's own host, and
// the path in characters that nobody encodes again on the way (lambda_src/iiif/viewer.py undoes it).
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
function handler(event) {
  var request = event.request;
  request.headers['x-forwarded-host'] = { value: request.headers.host.value };
  request.uri = '/i/' + Buffer.from(request.uri).toString('base64url');
  return request;
}
