import AMQPClient
import AMQPWire
import CMillraceABI
import Logging
import Metrics

/// The functions that plugins call (millrace_abi.h, `millrace_host`).
enum HostTable {
    /// Static memory, as the ABI promises.
    // nonisolated(unsafe): allocated and filled once, before any plugin can see it, and only read afterwards.
    nonisolated(unsafe) static let pointer: UnsafePointer<millrace_host> = {
        let table = UnsafeMutablePointer<millrace_host>.allocate(capacity: 1)
        table.initialize(
            to: millrace_host(
                size: MemoryLayout<millrace_host>.size,
                abi_version: 1,
                complete: { token, outcome in
                    guard let token, let outcome else { return }
                    InFlight.of(token)._withUnsafeGuaranteedRef { $0.complete(outcome) }
                },
                schedule: { worker, function, argument in
                    guard let worker, let function else { return }
                    WorkerHandle.of(worker).mailbox.schedule(ScheduledCall(function, argument))
                },
                publish: { token, publication in
                    guard let token, let publication else { return 2 }
                    return InFlight.of(token).takeUnretainedValue().publish(publication)
                },
                property: { token, which, value in
                    guard let token, let value else { return }
                    InFlight.of(token).takeUnretainedValue().property(which, value)
                },
                header: { token, key, value in
                    guard let token, let value else { return }
                    InFlight.of(token).takeUnretainedValue().header(key.octets, value)
                },
                log: { worker, token, level, text in
                    guard let worker else { return }
                    HostTable.log(WorkerHandle.of(worker), token, level, String(text))
                },
                metric: { worker, name, kind, value in
                    guard let worker else { return }
                    HostTable.metric(WorkerHandle.of(worker), String(name), kind, value)
                },
                is_cancelled: { token in
                    guard let token else { return 0 }
                    return InFlight.of(token).takeUnretainedValue().shouldEnd ? 1 : 0
                },
                job_name: { worker in
                    guard let worker else { return millrace_bytes(data: nil, length: 0) }
                    return WorkerHandle.of(worker).jobName.withUnsafeBufferPointer {
                        // The handle's array is immutable and lives as long as the worker.
                        millrace_bytes(data: $0.baseAddress, length: $0.count)
                    }
                },
                options_read: { worker, paths, count in
                    guard let worker, paths != nil || count == 0 else { return }
                    let read = UnsafeBufferPointer(start: paths, count: count).map { String($0) }
                    WorkerHandle.of(worker).noteOptions(read: read)
                },
                headers: { token, visit, context in
                    guard let token, let visit else { return }
                    InFlight.of(token).takeUnretainedValue().headers { visit(context, $0, $1) }
                },
                hold_job: { worker, time, reason in
                    guard let worker, time > 0, reason.isValid() else { return 2 }
                    WorkerHandle.of(worker).hold.hold(for: time, reason: String(reason))
                    return 0
                }
            )
        )
        return UnsafePointer(table)
    }()

    /// Through swift-metrics: whoever runs the supervisor chooses where they go.
    private static func metric(_ handle: WorkerHandle, _ name: String, _ kind: UInt32, _ value: Double) {
        let dimensions = [("job", handle.job.name)]
        if kind == 0 {
            FloatingPointCounter(label: name, dimensions: dimensions).increment(by: value)
        } else {
            Recorder(label: name, dimensions: dimensions).record(value)
        }
    }

    private static func log(_ handle: WorkerHandle, _ token: OpaquePointer?, _ level: UInt32, _ text: String) {
        var metadata: Logger.Metadata = [:]
        if let token {
            let delivery = InFlight.of(token).takeUnretainedValue()
            metadata["delivery"] = "\(delivery.record.deliveryTag)"
            if let id = delivery.properties.messageID { metadata["message_id"] = "\(id)" }
        }
        let logLevel: Logger.Level =
            switch level {
            case MILLRACE_DEBUG.rawValue: .debug
            case MILLRACE_INFO.rawValue: .info
            case MILLRACE_WARNING.rawValue: .warning
            default: .error
            }
        handle.logger.log(level: logLevel, "\(text)", metadata: metadata)
    }
}

extension InFlight {
    fileprivate func property(_ which: UInt32, _ value: UnsafeMutablePointer<millrace_value>) {
        let properties = self.properties
        switch which {
        case MILLRACE_CONTENT_TYPE.rawValue: self.give(.contentType, of: properties, value)
        case MILLRACE_CONTENT_ENCODING.rawValue: self.give(.contentEncoding, of: properties, value)
        case MILLRACE_DELIVERY_MODE.rawValue: self.give(properties.deliveryMode.map(Int64.init), value)
        case MILLRACE_PRIORITY.rawValue: self.give(properties.priority.map(Int64.init), value)
        case MILLRACE_CORRELATION_ID.rawValue: self.give(.correlationID, of: properties, value)
        case MILLRACE_REPLY_TO.rawValue: self.give(.replyTo, of: properties, value)
        case MILLRACE_EXPIRATION.rawValue: self.give(.expiration, of: properties, value)
        case MILLRACE_MESSAGE_ID.rawValue: self.give(.messageID, of: properties, value)
        case MILLRACE_TIMESTAMP.rawValue: self.give(properties.timestamp.map { Int64(clamping: $0) }, value)
        case MILLRACE_TYPE.rawValue: self.give(.type, of: properties, value)
        case MILLRACE_USER_ID.rawValue: self.give(.userID, of: properties, value)
        case MILLRACE_APP_ID.rawValue: self.give(.appID, of: properties, value)
        default: value.pointee.kind = MILLRACE_NONE.rawValue
        }
    }

    fileprivate func header(_ key: some Collection<UInt8>, _ value: UnsafeMutablePointer<millrace_value>) {
        self.give(self.properties.headers?[octets: key], value)
    }

    fileprivate func headers(_ visit: (millrace_bytes, UnsafePointer<millrace_value>) -> Void) {
        for entry in self.properties.headers?.entries ?? [] {
            var value = millrace_value()
            value.size = MemoryLayout<millrace_value>.size
            self.give(entry.value, &value)
            entry.keyOctets.withUnsafeBufferPointer { key in
                visit(millrace_bytes(data: key.baseAddress, length: key.count), &value)
            }
        }
    }

    private func give(_ field: FieldValue?, _ value: UnsafeMutablePointer<millrace_value>) {
        switch field {
        case nil, .void: value.pointee.kind = MILLRACE_NONE.rawValue
        case .string(let text): self.give(Array(text.utf8), MILLRACE_STRING, value)
        case .nonUTF8String(let bytes), .bytes(let bytes): self.give(bytes, MILLRACE_BYTES, value)
        case .float(let real): Self.give(Double(real), value)
        case .double(let real): Self.give(real, value)
        case .timestamp(let seconds): self.give(Int64(clamping: seconds), value)
        case .some(let other):
            if let bool = other.boolValue {
                value.pointee.kind = MILLRACE_BOOL.rawValue
                value.pointee.integer = bool ? 1 : 0
                return
            }
            guard let integer = other.intValue else { return value.pointee.kind = MILLRACE_OTHER.rawValue }
            self.give(integer, value)
        }
    }

    private static func give(_ real: Double, _ value: UnsafeMutablePointer<millrace_value>) {
        value.pointee.kind = MILLRACE_DOUBLE.rawValue
        value.pointee.real = real
    }

    /// Copies a publication; 0, or 2 for an argument that AMQP can not carry, or a delivery that has its outcome.
    fileprivate func publish(_ publication: UnsafePointer<millrace_publication>) -> Int32 {
        let given = publication.pointee
        let shortTexts = [
            given.exchange, given.routing_key, given.content_type, given.message_id, given.correlation_id,
            given.reply_to, given.type,
        ]
        guard self.isInHand, given.size >= MemoryLayout<millrace_publication>.size, given.body.isValid(),
            shortTexts.allSatisfy({ $0.isValid(limit: 255) }), given.headers != nil || given.header_count == 0,
            self.publications.count < OutputQueue<Void>.outputLimit
        else { return 2 }
        var properties = BasicProperties()
        func set(_ text: BasicProperties.Text, _ bytes: millrace_bytes) {
            if bytes.length > 0 { properties[octets: text] = Array(bytes.octets) }
        }
        set(.contentType, given.content_type)
        set(.messageID, given.message_id)
        set(.correlationID, given.correlation_id)
        set(.replyTo, given.reply_to)
        set(.type, given.type)
        properties.deliveryMode = given.transient == 1 ? 1 : 2
        if given.priority > 0 { properties.priority = given.priority }
        if given.header_count > 0 {
            var headers = FieldTable()
            for header in UnsafeBufferPointer(start: given.headers, count: given.header_count) {
                guard header.key.isValid(limit: 255), header.bytes.isValid(), let value = Self.value(header) else {
                    return 2
                }
                headers[String(header.key)] = value
            }
            properties.headers = headers
        }
        self.publications.append(
            Publication(
                exchange: Array(given.exchange.octets),
                routingKey: Array(given.routing_key.octets),
                properties: properties,
                body: Array(given.body.octets)
            )
        )
        return 0
    }

    private static func value(_ header: millrace_header) -> FieldValue? {
        switch header.kind {
        case MILLRACE_BOOL.rawValue: .bool(header.integer != 0)
        case MILLRACE_INTEGER.rawValue: .int64(header.integer)
        case MILLRACE_DOUBLE.rawValue: .double(header.real)
        case MILLRACE_STRING.rawValue: FieldValue(textOctets: header.bytes.octets)
        case MILLRACE_BYTES.rawValue:
            .bytes(Array(header.bytes.octets))
        default: nil
        }
    }
}
