/// Why a job's dead letters can not be found.
public struct FailedMessageError: Error, CustomStringConvertible {
    /// What is wrong, and what to do.
    public let description: String
}

extension JobFile {
    /// The queue that a job's dead letters end up in.
    ///
    /// On the default exchange it is the routing key; behind another one, the queue of the file that is bound to it with a
    /// key that matches. Bindings between exchanges are not followed.
    ///
    /// - Parameter job: One of the file's.
    /// - Returns: The queue's name; the broker may not have it.
    /// - Throws: A ``FailedMessageError`` if the file does not tell: no queue of the file could get them, or several, or
    ///   those of several queues end up in different ones.
    public func deadLetterQueue(of job: JobDefinition) throws(FailedMessageError) -> String {
        var names: [String] = []
        for queue in job.queues {
            let name = try self.deadLetterQueue(of: queue, job)
            if !names.contains(name) { names.append(name) }
        }
        if names.count == 1 { return names[0] }
        let list = names.map { "'\($0)'" }.joined(separator: ", ")
        throw FailedMessageError(
            description: "job '\(job.name)' consumes several queues, whose dead letters are in \(list);"
                + " name the one with --queue"
        )
    }

    /// Those of a job's queues whose dead letters end up in this one; all of them if the file does not tell.
    func homes(of job: JobDefinition, deadLettersIn box: String) -> [String] {
        let homes = job.queues.filter { (try? self.deadLetterQueue(of: $0, job)) == box }
        return homes.isEmpty ? job.queues : homes
    }

    private func deadLetterQueue(of queue: String, _ job: JobDefinition) throws(FailedMessageError) -> String {
        let target = Topology(self).deadLetter(of: queue)
        if target.exchange.isEmpty { return target.name }
        let type = self.exchanges.first { $0.name == target.exchange }?.type
        let candidates = self.queues.filter { queue in
            queue.bindings.contains { binding in
                binding.exchange == target.exchange && Self.takes(binding.routingKey, type, target.routingKey)
            }
        }
        if candidates.count == 1 { return candidates[0].name }
        let found = candidates.isEmpty ? "no queue" : "\(candidates.count) queues"
        throw FailedMessageError(
            description: "job '\(job.name)': its dead letters go to exchange '\(target.exchange)', and \(found) of the"
                + " file could get them; name the one with --queue"
        )
    }

    /// Nil for `key` is any: messages keep their own.
    private static func takes(_ pattern: String, _ type: String?, _ key: String?) -> Bool {
        guard let key else { return true }
        switch type {
        case "fanout", "headers": return true  // the key does not matter, and headers are not known here
        case "topic": return RoutingPattern.matches(pattern, key)
        case nil: return pattern == key || pattern == "#"  // not in the file: only what is right for every type
        default: return pattern == key
        }
    }

    /// The jobs of the file whose dead letters end up in a queue, in the order of the file.
    public func jobs(withDeadLettersIn queue: String) -> [String] {
        self.jobs.filter { job in job.queues.contains { (try? self.deadLetterQueue(of: $0, job)) == queue } }.map(
            \.name
        )
    }
}
