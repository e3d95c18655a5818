/// How a run ends, and what must be so then.
extension World {
    /// Whether it is time for the next phase, or too late.
    func look() {
        switch self.phase {
        case .running, .over: return
        case .healed:
            if self.isWorkedOff {
                self.note(.world, .drain)
                self.phase = .leaving
                self.deadline = self.now + 60_000_000_000
                for client in self.clients { client.leave(forGood: true) }
            } else if self.now > self.deadline {
                self.violated(.drains, self.standing)
            }
        case .leaving:
            if self.links.isEmpty {
                self.phase = .over
            } else if self.now > self.deadline {
                self.violated(.ends, self.standing)
            }
        }
    }

    private var isWorkedOff: Bool {
        for client in self.clients {
            for owner in client.owners where !owner.isIdle || owner.hasNoChannel || owner.stage != .running {
                return false
            }
        }
        return self.house.count(World.input) == (0, 0)
    }

    /// What has not moved.
    private var standing: String {
        let (ready, unacked) = self.house.count(World.input)
        var parts = ["\(ready) messages ready and \(unacked) unacked"]
        for client in self.clients {
            if client.link == nil { parts.append("client \(client.index) is not connected") }
            for owner in client.owners where !owner.isIdle || owner.stage != .running {
                parts.append("owner \(client.index)/\(owner.index) is \(owner.state)")
            }
        }
        return parts.joined(separator: "; ")
    }

    func checkEnd() {
        if let left = self.house.leftOver { self.violated(.memory, "the broker holds \(left)") }
        let cores = self.coresLeft()
        if cores > 0 { self.violated(.memory, "\(cores) cores of connections that have ended are held") }
        if self.book.heldReads > 0 { self.violated(.memory, "\(self.book.heldReads) reads are held") }
        self.checkConfirmed()
    }

    private func checkConfirmed() {
        let (inputs, outputs) = (self.house.identifiers(World.input), self.house.identifiers(World.output))
        for id in UInt64(1)..<UInt64(self.book.ledger.count + 1) {
            let item = self.book.ledger[id]
            guard item.isConfirmed, !item.isExcused, item.fate == .none, !inputs.contains(id), !outputs.contains(id)
            else { continue }
            let what = item.input == 0 ? "message \(id)" : "output \(id) of message \(item.input)"
            self.violated(.confirmedIsKept, "\(what) was confirmed, is in no queue, and nobody has settled it")
        }
    }
}
