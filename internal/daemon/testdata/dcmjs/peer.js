// A DICOM peer on dcmjs-dimse: stores, and asks for storage commitment and answers it. It is told what to do by JSON on standard
// input, and tells what happens by JSON on standard output, a line each.
//
//   node peer.js AET GANTRY-AET GANTRY-PORT
'use strict';
const readline = require('readline');
const { Client, Dataset, Scp, Server, log, requests, responses, constants } = require('dcmjs-dimse');

log.setLevel('silent');
console.warn = console.error = () => {};
const { PresentationContextResult, SopClass, Status } = constants;
const wellKnown = '1.2.840.10008.1.20.1.1';
const [aet, gantry, port] = process.argv.slice(2);
const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');
const stored = new Map(); // what we have been sent: class by instance

const answer = (Response, request, callback) => {
  const response = Response.fromRequest(request);
  response.setStatus(Status.Success);
  callback(response);
};
const items = (dataset, sequence) => [].concat(dataset.getElement(sequence) || []);

function reported(request, callback, on) {
  const report = request.getDataset();
  say({
    event: 'report', on, type: request.getEventTypeId(), transaction: report.getElement('TransactionUID'),
    committed: items(report, 'ReferencedSOPSequence').map((i) => i.ReferencedSOPInstanceUID),
    failed: items(report, 'FailedSOPSequence').map((i) => [i.ReferencedSOPInstanceUID, i.FailureReason]),
  });
  answer(responses.NEventReportResponse, request, callback);
}

function send(list, options, each) {
  const client = new Client();
  list.forEach((request) => client.addRequest(request));
  client.on('networkError', (e) => say({ event: 'error', text: e.message }));
  client.on('associationRejected', (e) => say({ event: 'error', text: `rejected ${JSON.stringify(e)}` }));
  client.on('nEventReportRequest', (request, callback) => reported(request, callback, 'the same association'));
  if (each) each(client);
  client.send('127.0.0.1', Number(port), aet, gantry, options);
}

// store sends files, and asks for commitment to them and to one that was never sent.
function store({ files, absent, linger }) {
  const statuses = [];
  const list = [new requests.CEchoRequest(), ...files.map((file) => new requests.CStoreRequest(file))];
  const references = list.slice(1).map((request) => ({
    ReferencedSOPClassUID: request.getAffectedSopClassUid(), ReferencedSOPInstanceUID: request.getAffectedSopInstanceUid(),
  }));
  const action = new requests.NActionRequest(SopClass.StorageCommitmentPushModel, wellKnown, 1);
  const transaction = Dataset.generateDerivedUid();
  action.setDataset(new Dataset({
    TransactionUID: transaction,
    ReferencedSOPSequence: [...references, { ...references[0], ReferencedSOPInstanceUID: absent }],
  }));
  list.push(action);
  list.forEach((request) => request.on('response', (response) => statuses.push(response.getStatus())));
  action.on('response', () => say({ event: 'asked', transaction, statuses }));
  send(list, { associationLingerTimeout: linger, asyncOps: { maxAsyncOpsInvoked: 4, maxAsyncOpsPerformed: 4 } });
}

class Peer extends Scp {
  associationRequested(association) {
    this.association = association;
    for (const { context } of association.getPresentationContexts()) {
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }
  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
  cEchoRequest(request, callback) {
    answer(responses.CEchoResponse, request, callback);
  }
  cStoreRequest(request, callback) {
    stored.set(request.getDataset().getElement('SOPInstanceUID'), request.getAffectedSopClassUid());
    answer(responses.CStoreResponse, request, callback);
  }
  nEventReportRequest(request, callback) {
    reported(request, callback, 'a new association');
  }
  nActionRequest(request, callback) {
    answer(responses.NActionResponse, request, callback);
    const wanted = items(request.getDataset(), 'ReferencedSOPSequence').map((i) => ({
      ReferencedSOPClassUID: i.ReferencedSOPClassUID, ReferencedSOPInstanceUID: i.ReferencedSOPInstanceUID,
    }));
    const here = (i) => stored.get(i.ReferencedSOPInstanceUID) === i.ReferencedSOPClassUID;
    const failed = wanted.filter((i) => !here(i)).map((i) => ({ ...i, FailureReason: 0x0112 }));
    const report = new requests.NEventReportRequest(SopClass.StorageCommitmentPushModel, wellKnown, failed.length ? 2 : 1);
    const content = { TransactionUID: request.getDataset().getElement('TransactionUID'), ReferencedSOPSequence: wanted.filter(here) };
    if (failed.length) content.FailedSOPSequence = failed;
    report.setDataset(new Dataset(content));
    report.on('response', (response) => say({ event: 'delivered', statuses: [response.getStatus()] }));
    send([report], {});
  }
}

const server = new Server(Peer);
server.on('networkError', (e) => say({ event: 'error', text: e.message }));
server.on('listening', () => say({ event: 'listening', port: server.server.address().port }));
server.listen(0);
readline.createInterface({ input: process.stdin }).on('line', (line) => store(JSON.parse(line))).on('close', () => process.exit(0));
