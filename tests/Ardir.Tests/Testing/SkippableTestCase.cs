using System.ComponentModel;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Ardir.Tests;

/// <summary>A test whose failure by <see cref="SkipTestException"/> is reported as skipped; xunit 2 knows no such thing by itself.</summary>
internal sealed class SkippableTestCase : XunitTestCase
{
    [EditorBrowsable(EditorBrowsableState.Never)]
    [Obsolete("For the runner, which reads it from a text.")]
    public SkippableTestCase()
    {
    }

    public SkippableTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(diagnostics, display, options, method)
    {
    }

    public override async Task<RunSummary> RunAsync(
        IMessageSink diagnosticMessageSink, IMessageBus messageBus, object[] constructorArguments, ExceptionAggregator aggregator, CancellationTokenSource cancellationTokenSource)
    {
        using var bus = new Bus(messageBus);
        var summary = await base.RunAsync(diagnosticMessageSink, bus, constructorArguments, aggregator, cancellationTokenSource);
        summary.Failed -= bus.Skipped;
        summary.Skipped += bus.Skipped;
        return summary;
    }

    private sealed class Bus(IMessageBus to) : IMessageBus
    {
        public int Skipped { get; private set; }

        public bool QueueMessage(IMessageSinkMessage message)
        {
            if (message is not TestFailed failed || failed.ExceptionTypes.FirstOrDefault() != typeof(SkipTestException).FullName) return to.QueueMessage(message);
            Skipped++;
            return to.QueueMessage(new TestSkipped(failed.Test, failed.Messages[0]));
        }

        public void Dispose()
        {
            // The runner's own bus is the runner's.
        }
    }
}
