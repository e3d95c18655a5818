import AMQPWire

/// Frames of a channel: put together, then done.
extension EmbeddedBroker {
    mutating func takeOnChannel(_ type: UInt8, _ payload: UnsafeRawBufferPointer, _ channel: ChannelRef) {
        let id = channel.connection
        var method: Method?
        if type == Frame.method {
            do throws(WireError) {
                method = try Method.decode(payload)
            } catch {
                return self.refuseMethod(id, error, payload)
            }
        }
        guard self.connections[id].channels[channel.number] != nil else {
            return self.takeUnopened(method, channel)
        }
        do throws(ContentAssembler.Misplaced) {
            let unit = try self.assemble(type, payload, method, channel)
            guard let unit else { return }
            if self.connections[id].channels[channel.number]?.state == .closing {
                self.takeWhileClosing(unit.method, channel)
            } else {
                self.perform(unit, channel)
            }
        } catch {
            let code = ReplyCode(rawValue: error.code)
            self.close(id, .connection(code, error.text), error.method?.id)
        }
    }

    private mutating func assemble(
        _ type: UInt8,
        _ payload: UnsafeRawBufferPointer,
        _ method: Method?,
        _ channel: ChannelRef
    ) throws(ContentAssembler.Misplaced) -> ContentAssembler.Unit? {
        let refusesOverrun = self.settings.profile.overlongBody == 501
        let (id, number) = (channel.connection, channel.number)
        if let method { return try self.connections[id].channels[number]?.assembler.take(method) }
        if type == Frame.header {
            return try self.connections[id].channels[number]?.assembler.takeHeader(payload)
        }
        return try self.connections[id].channels[number]?.assembler
            .takeBody(payload, refusesOverrun: refusesOverrun)
    }

    /// RabbitMQ does not answer what it has no name for.
    private mutating func refuseMethod(_ id: ConnectionID, _ error: WireError, _ payload: UnsafeRawBufferPointer) {
        switch error.kind {
        case .unknownMethod, .unknownFieldTag: self.drop(id)
        case .invalidUTF8: self.close(id, .connection(.frameError, "Malformed UTF-8 in shortstr"), nil)
        default:
            let octets = payload.dropFirst(4).map { "\($0)" }.joined(separator: ",")
            let method =
                payload.count < 4
                ? nil
                : MethodID(
                    classID: UInt16(payload[0]) << 8 | UInt16(payload[1]),
                    methodID: UInt16(payload[2]) << 8 | UInt16(payload[3])
                )
            self.close(id, .connection(.frameError, "cannot decode <<\(octets)>>"), method)
        }
    }

    private mutating func takeWhileClosing(_ method: Method, _ channel: ChannelRef) {
        switch method {
        case .channelCloseOk: self.endChannel(channel)
        case .channelClose: self.send(ChannelCloseOk(), channel)
        default: return
        }
    }

    private mutating func takeUnopened(_ method: Method?, _ channel: ChannelRef) {
        let id = channel.connection
        guard case .channelOpen = method else {
            let text = method == nil ? "expected method frame, got non method frame instead" : "expected 'channel.open'"
            let code: ReplyCode = method == nil ? .unexpectedFrame : .channelError
            return self.close(id, .connection(code, text), method?.id)
        }
        if self.connections[id].justClosed.contains(channel.number) {
            return self.close(id, .connection(.channelError, "second 'channel.open' seen"), method?.id)
        }
        let limit = Int(self.connections[id].channelMax)
        guard self.connections[id].channels.count < limit else {
            let text = "number of channels opened (\(limit)) has reached the negotiated channel_max (\(limit))"
            return self.close(id, .connection(.notAllowed, text), nil)
        }
        self.connections[id].channels[channel.number] = ChannelMachine()
        self.send(ChannelOpenOk(), channel)
    }

    private mutating func perform(_ unit: ContentAssembler.Unit, _ channel: ChannelRef) {
        do throws(Refusal) {
            if case .basicPublish(let publish) = unit.method {
                // What dies by it is on its way behind what else has been published.
                return try self.publish(publish, unit, channel)
            }
            self.moveDue()
            self.flushConfirms(channel)
            try self.perform(unit.method, channel)
        } catch {
            switch error.scope {
            case .channel: self.closeChannel(channel, error, unit.method.id)
            case .connection:
                let isInternal = error.code == ReplyCode.internalError.rawValue
                self.close(channel.connection, error, isInternal ? nil : unit.method.id)
            }
        }
        self.moveDue()
    }

    private mutating func moveDue() {
        if !self.deadLetters.isEmpty || !self.waiting.isEmpty { self.moveDeadLetters() }
    }

    private mutating func perform(_ method: Method, _ channel: ChannelRef) throws(Refusal) {
        switch method {
        case .channelOpen: throw .connection(.channelError, "second 'channel.open' seen")
        case .channelClose:
            self.endChannel(channel)
            self.connections[channel.connection].justClosed.insert(channel.number)
            self.send(ChannelCloseOk(), channel)
        case .channelFlow(let flow):
            guard flow.active else { throw .connection(.notImplemented, "active=false") }
            self.send(ChannelFlowOk(active: true), channel)
        case .exchangeDeclare(let method): try self.declare(method, channel)
        case .exchangeDelete(let method): try self.delete(method, channel)
        case .exchangeBind(let method): try self.bind(method, channel)
        case .exchangeUnbind(let method): try self.unbind(method, channel)
        case .queueDeclare(let method): try self.declare(method, channel)
        case .queueBind(let method): try self.bind(method, channel)
        case .queueUnbind(let method): try self.unbind(method, channel)
        case .queuePurge(let method): try self.purge(method, channel)
        case .queueDelete(let method): try self.delete(method, channel)
        case .confirmSelect, .txSelect, .txCommit, .txRollback: try self.select(method, channel)
        default: try self.performBasic(method, channel)
        }
    }

    private mutating func performBasic(_ method: Method, _ channel: ChannelRef) throws(Refusal) {
        switch method {
        case .basicQos(let qos): try self.limit(qos, channel)
        case .basicConsume(let method): try self.consume(method, channel)
        case .basicCancel(let method): self.cancel(method, channel)
        case .basicGet(let method): try self.get(method, channel)
        case .basicAck(let ack): try self.settle(.ack, ack.deliveryTag, ack.multiple, channel)
        case .basicNack(let nack):
            try self.settle(nack.requeue ? .requeue : .reject, nack.deliveryTag, nack.multiple, channel)
        case .basicReject(let reject):
            try self.settle(reject.requeue ? .requeue : .reject, reject.deliveryTag, false, channel, isReject: true)
        case .basicRecover(let recover): try self.recover(recover.requeue, channel)
        case .basicRecoverAsync(let recover): try self.recover(recover.requeue, channel, answers: false)
        case .basicCancelOk where self.settings.profile.strayCancelOk == 541:
            throw .connection(.internalError, "")
        default: throw .connection(.commandInvalid, "unimplemented method")
        }
    }
}
