using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks and evaluations in channels-last order find what they find without, up to rounding.</summary>
public sealed class AttackFormatTests : IDisposable
{
    private static readonly AttackContext _channelsLast = new() { MemoryFormat = MemoryFormat.ChannelsLast };
    private static readonly NormThreatModel _threat = ThreatModel.Linf(0.1);

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly Tensor _images = TinyModels.Random([6, 1, 8, 8], 2);
    private readonly Tensor _labels;

    public AttackFormatTests()
    {
        _network = TrainingWorld.Network(3);
        _network.to(ScalarType.Float64);
        _network.eval();
        _labels = TinyModels.Predicted(_network, _images);
    }

    public void Dispose()
    {
        _network.Dispose();
        _scope.Dispose();
    }

    public static TheoryData<string> Attacks => ["PGD", "APGD", "APGD-T", "FAB-T", "Square", "EoT", "chain", "ensemble"];

    [Theory, MemberData(nameof(Attacks))]
    public void Perturb_ChannelsLast_FindsTheSamePoints_AndTheModelComputesInThatOrder(string name)
    {
        var attack = Make(name);
        var orders = new List<bool>();
        foreach (var convolution in _network.modules().OfType<Conv2d>())
            convolution.register_forward_hook((_, _, map) => { orders.Add(ChannelsLastLayout.Has(map)); return null!; });
        using var plain = attack.Perturb(_network, _images, _labels);
        orders.Should().OnlyContain(channelsLast => !channelsLast);
        orders.Clear();
        using var found = attack.Perturb(_network, _images, _labels, _channelsLast);
        orders.Should().OnlyContain(channelsLast => channelsLast).And.NotBeEmpty();
        TensorAssert.Close(found, plain, 1e-7);
        WeightsAreTheirOwn();
    }

    [Fact]
    public void Perturb_Measured_FindsTheSamePoints_AndCountsNoPassOfTheMeasurement()
    {
        var attack = Make("PGD");
        using var plain = attack.Perturb(_network, _images, _labels);
        var progress = new ListProgress<AttackProgress>();
        using var found = attack.Perturb(_network, _images, _labels, new AttackContext { MemoryFormat = MemoryFormat.Measured, Progress = progress });
        TensorAssert.Close(found, plain, 1e-7);
        progress.Reports[^1].SampleForwards.Should().Be(6 * 5);
    }

    [Fact]
    public void Evaluations_ChannelsLast_CountTheSameImagesAsRobust()
    {
        foreach (var format in new[] { MemoryFormat.ChannelsLast, MemoryFormat.Measured })
        {
            var options = new EvaluationOptions { BatchSize = 4 };
            var plain = RobustnessEvaluator.Evaluate(_network, _images, _labels, Make("APGD"), options);
            var found = RobustnessEvaluator.Evaluate(_network, _images, _labels, Make("APGD"), options with { Context = new AttackContext { MemoryFormat = format } });
            found.Robust.Should().Equal(plain.Robust);
            found.Correct.Should().Equal(plain.Correct);
            var ensemble = new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD"), Make("Square")], BatchSize = 4 });
            using var before = ensemble.Evaluate(_network, _images, _labels);
            using var after = ensemble.Evaluate(_network, _images, _labels, new AttackContext { MemoryFormat = format });
            after.Robust.Should().Equal(before.Robust);
            TensorAssert.Close(after.Adversarial, before.Adversarial, 1e-7);
            WeightsAreTheirOwn();
        }
    }

    [Fact]
    public void Perturb_ThatFailsOrIsCancelled_GivesTheWeightsBack()
    {
        var steps = 0;
        using var broken = new FuncModel(x => ++steps < 3 ? _network.call(x) : throw new InvalidTimeZoneException(), _network);
        broken.eval();
        FluentActions.Invoking(() => Make("PGD").Perturb(broken, _images, _labels, _channelsLast)).Should().Throw<InvalidTimeZoneException>();
        WeightsAreTheirOwn();
        using var cancellation = new CancellationTokenSource();
        var progress = new ListProgress<AttackProgress>(_ => cancellation.Cancel());
        var context = _channelsLast with { CancellationToken = cancellation.Token, Progress = progress };
        FluentActions.Invoking(() => Make("PGD").Perturb(_network, _images, _labels, context)).Should().Throw<OperationCanceledException>();
        WeightsAreTheirOwn();
    }

    [Fact]
    public void Perturb_ChannelsLast_LeavesNoTensor()
    {
        var attack = Make("PGD");
        LeakAssert.None(() =>
        {
            attack.Perturb(_network, _images, _labels, _channelsLast).Dispose();
            using var noGrad = no_grad();
            foreach (var parameter in _network.parameters()) parameter.mul_(1.01);
        });
    }

    [Fact]
    public void MemoryFormat_UnknownValue_IsRefusedByName() =>
        FluentActions.Invoking(() => new AttackContext { MemoryFormat = (MemoryFormat)7 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*MemoryFormat*");

    private static IAttack Make(string name) => name switch
    {
        "PGD" => new PgdAttack(_threat, new PgdOptions { Steps = 5 }),
        "APGD" => new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 8 } }),
        "APGD-T" => new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 6 }, Classes = 2 }),
        "FAB-T" => new TargetedFabAttack(_threat, new TargetedFabOptions { Search = new() { Iterations = 5 }, Classes = 2 }),
        "Square" => new SquareAttack(_threat, new SquareOptions { Queries = 30 }),
        "EoT" => new EotAttack(new PgdAttack(_threat, new PgdOptions { Steps = 3 }), 2),
        "chain" => new WorstCaseAttack("chain", Make("PGD"), Make("Square")),
        _ => new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD"), Make("Square")] }),
    };

    private void WeightsAreTheirOwn() =>
        _network.modules().OfType<Conv2d>().Select(convolution => convolution.weight.Handle).Should()
            .BeSubsetOf(_network.parameters().Select(parameter => parameter.Handle)).And.NotBeEmpty();
}
