import CMillraceABI
import MillraceHandler

/// The functions that plugins call (millrace_abi.h, `millrace_host`), recording.
enum TestHost {
    // nonisolated(unsafe): allocated and filled once, before any plugin can see it, and only read afterwards.
    nonisolated(unsafe) static let table: UnsafePointer<millrace_host> = {
        let table = UnsafeMutablePointer<millrace_host>.allocate(capacity: 1)
        table.initialize(
            to: millrace_host(
                size: MemoryLayout<millrace_host>.size,
                abi_version: UInt32(MILLRACE_ABI_VERSION),
                complete: { token, outcome in
                    guard let token = TestToken.at(token, "an outcome"), let outcome else { return }
                    token.complete(outcome.pointee)
                },
                schedule: { worker, function, argument in
                    guard let worker = TestWorker.at(worker), let function else { return }
                    worker.mailbox.add(.step(function, argument))
                },
                publish: { token, publication in
                    guard let token = TestToken.at(token, "publish"), let publication else { return 2 }
                    return token.publish(publication.pointee)
                },
                property: { token, which, value in
                    guard let value else { return }
                    value.pointee.kind = MILLRACE_NONE.rawValue
                    TestToken.at(token, "a property")?.answer({ $0.property(which) }, &value.pointee)
                },
                header: { token, key, value in
                    guard let value else { return }
                    value.pointee.kind = MILLRACE_NONE.rawValue
                    TestToken.at(token, "a header")?.answer({ $0.headers[key.text] }, &value.pointee)
                },
                log: { worker, token, level, text in
                    guard let worker = TestWorker.at(worker), worker.isHere("log") else { return }
                    let line = LogLine(JobContext.LogLevel(rawValue: level) ?? .error, text.text)
                    worker.logs.append(line)
                    if token != nil { TestToken.at(token, "log")?.logs.append(line) }
                },
                metric: { worker, name, kind, value in
                    guard let worker = TestWorker.at(worker), worker.isHere("a metric") else { return }
                    worker.metrics.append(RecordedMetric(kind == 0 ? .counter : .recording, name.text, value))
                },
                is_cancelled: { token in TestToken.at(token, "isCancelled")?.shouldEnd == true ? 1 : 0 },
                job_name: { worker in TestWorker.at(worker)?.jobName.abi ?? millrace_bytes(data: nil, length: 0) },
                // For operators: who writes a test knows what its handler reads.
                options_read: { _, _, _ in },
                headers: { token, visit, context in
                    guard let visit else { return }
                    TestToken.at(token, "its headers")?.answerHeaders { visit(context, $0, $1) }
                },
                hold_job: { worker, time, reason in
                    guard let worker = TestWorker.at(worker), worker.isHere("holdJob") else { return 2 }
                    guard time > 0 else { return 2 }
                    worker.holds.append(RecordedHold(.nanoseconds(Int64(clamping: time)), reason.text))
                    return 0
                }
            )
        )
        return UnsafePointer(table)
    }()
}
