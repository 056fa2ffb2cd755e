using System.Runtime.InteropServices;
using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

#pragma warning disable CA2201 // TorchSharp throws it, so the tests do
namespace Ardir.Tests;

/// <summary>What is said where TorchSharp lets the collector free what native code reads, with guards of the tests' own: the TorchSharp beside the tests is mended.</summary>
public sealed class NativeCallGuardTests
{
    private const string Freed = "Expected false to be true, but got false.  (Could this error message be improved?)\nException raised from toDouble at Scalar.h:102";

    [Theory]
    [InlineData(Freed)]
    [InlineData("Unknown scalar type.")]
    public void Run_FreedArgument_NamesCauseAndPropertyAndKeepsTheFailure(string message)
    {
        var guard = new NativeCallGuard(keepsArgumentsAlive: false);
        var failure = new ExternalException(message);
        var act = () => guard.Run<int>(NullLogger.Instance, () => throw failure);
        act.Should().Throw<NativeArgumentFreedException>().WithMessage("*garbage collector frees a number*ArdirKeepArgumentsAlive*").Which.InnerException.Should().BeSameAs(failure);
    }

    [Fact]
    public void Run_FreedArgumentInsideTheModel_IsSeenThroughTheModelsOwnException()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(_ => throw new ExternalException(Freed), linear);
        var guard = new NativeCallGuard(keepsArgumentsAlive: false);
        var images = TinyModels.Images(3, ScalarType.Float64);
        var act = () => guard.Run(NullLogger.Instance, () => new FgsmAttack(ThreatModel.Linf(0.1)).Perturb(model, images, TinyModels.Labels(3)));
        act.Should().Throw<NativeArgumentFreedException>().WithInnerException<InvalidOperationException>().WithInnerException<ExternalException>().WithMessage("Expected false*");
    }

    [Fact]
    public void Run_GuardInsideAGuard_WrapsOnce()
    {
        var guard = new NativeCallGuard(keepsArgumentsAlive: false);
        var act = () => guard.Run(NullLogger.Instance, () => guard.Run<int>(NullLogger.Instance, () => throw new ExternalException(Freed)));
        act.Should().Throw<NativeArgumentFreedException>().Which.InnerException.Should().BeOfType<ExternalException>();
    }

    [Fact]
    public void Run_OtherFailures_PassAsTheyAre()
    {
        var guard = new NativeCallGuard(keepsArgumentsAlive: false);
        foreach (var failure in new Exception[]
        {
            new ExternalException("The size of tensor a (3) must match the size of tensor b (4)"), new InvalidOperationException(Freed), new OperationCanceledException(),
        })
        {
            var act = () => guard.Run<int>(NullLogger.Instance, () => throw failure);
            act.Should().Throw<Exception>().Which.Should().BeSameAs(failure);
        }
    }

    [Fact]
    public void Run_MendedTorchSharp_ChangesNothingAndSaysNothing()
    {
        var (guard, logger, failure) = (new NativeCallGuard(keepsArgumentsAlive: true), new ListLogger(), new ExternalException(Freed));
        var act = () => guard.Run<int>(logger, () => throw failure);
        act.Should().Throw<ExternalException>().Which.Should().BeSameAs(failure);
        guard.Explains(failure).Should().BeFalse();
        guard.Run(logger, () => 7).Should().Be(7);
        logger.Entries.Should().BeEmpty();
    }

    [Fact]
    public void Run_Unpatched_WarnsTheFirstListeningLoggerOnce()
    {
        var guard = new NativeCallGuard(keepsArgumentsAlive: false);
        var (first, second) = (new ListLogger(), new ListLogger());
        // Nobody hears what this one is told, so it does not count.
        guard.Run(NullLogger.Instance, () => 1).Should().Be(1);
        foreach (var logger in new[] { first, first, second }) guard.Run(logger, () => 2).Should().Be(2);
        first.Entries.Should().ContainSingle().Which.Should().Match<(LogLevel Level, string Message)>(
            entry => entry.Level == LogLevel.Warning && entry.Message.Contains("garbage collection") && entry.Message.Contains("ArdirKeepArgumentsAlive"));
        second.Entries.Should().BeEmpty();
    }
}
