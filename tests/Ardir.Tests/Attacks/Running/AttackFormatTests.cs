using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Attacks and evaluations in channels-last order find what they find without, up to rounding.</summary>
public sealed class AttackFormatTests() : AttacksOnASmallNetwork(count: 6)
{
    private static readonly AttackContext _channelsLast = new() { MemoryFormat = MemoryFormat.ChannelsLast };

    public static TheoryData<string> Attacks => ["PGD", "APGD", "APGD-T", "FAB-T", "Square", "EoT", "chain", "ensemble"];

    [Theory, MemberData(nameof(Attacks))]
    public void Perturb_ChannelsLast_FindsTheSamePoints_AndTheModelComputesInThatOrder(string name)
    {
        var attack = Make(name);
        var orders = new List<bool>();
        foreach (var convolution in Network.modules().OfType<Conv2d>())
            convolution.register_forward_hook((_, _, map) => { orders.Add(ChannelsLastLayout.Has(map)); return null!; });
        using var plain = attack.Perturb(Network, Images, Labels);
        orders.Should().OnlyContain(channelsLast => !channelsLast);
        orders.Clear();
        using var found = attack.Perturb(Network, Images, Labels, _channelsLast);
        orders.Should().OnlyContain(channelsLast => channelsLast).And.NotBeEmpty();
        TensorAssert.Close(found, plain, 1e-7);
        WeightsAreTheirOwn();
    }

    [Fact]
    public void Perturb_Measured_FindsTheSamePoints_AndCountsNoPassOfTheMeasurement()
    {
        var attack = Make("PGD");
        using var plain = attack.Perturb(Network, Images, Labels);
        var progress = new ListProgress<AttackProgress>();
        using var found = attack.Perturb(Network, Images, Labels, new AttackContext { MemoryFormat = MemoryFormat.Measured, Progress = progress });
        TensorAssert.Close(found, plain, 1e-7);
        progress.Reports[^1].SampleForwards.Should().Be(6 * 5);
    }

    [Fact]
    public void Evaluations_ChannelsLast_CountTheSameImagesAsRobust()
    {
        foreach (var format in new[] { MemoryFormat.ChannelsLast, MemoryFormat.Measured })
        {
            var options = new EvaluationOptions { BatchSize = 4 };
            var plain = RobustnessEvaluator.Evaluate(Network, Images, Labels, Make("APGD"), options);
            var found = RobustnessEvaluator.Evaluate(Network, Images, Labels, Make("APGD"), options with { Context = new AttackContext { MemoryFormat = format } });
            found.Robust.Should().Equal(plain.Robust);
            found.Correct.Should().Equal(plain.Correct);
            var ensemble = new AutoAttack(Threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [Make("APGD"), Make("Square")], BatchSize = 4 });
            using var before = ensemble.Evaluate(Network, Images, Labels);
            using var after = ensemble.Evaluate(Network, Images, Labels, new AttackContext { MemoryFormat = format });
            after.Robust.Should().Equal(before.Robust);
            TensorAssert.Close(after.Adversarial, before.Adversarial, 1e-7);
            WeightsAreTheirOwn();
        }
    }

    [Fact]
    public void Perturb_ThatFailsOrIsCancelled_GivesTheWeightsBack()
    {
        var steps = 0;
        using var broken = new FuncModel(x => ++steps < 3 ? Network.call(x) : throw new InvalidTimeZoneException(), Network);
        broken.eval();
        FluentActions.Invoking(() => Make("PGD").Perturb(broken, Images, Labels, _channelsLast)).Should().Throw<InvalidTimeZoneException>();
        WeightsAreTheirOwn();
        using var cancellation = new CancellationTokenSource();
        var progress = new ListProgress<AttackProgress>(_ => cancellation.Cancel());
        var context = _channelsLast with { CancellationToken = cancellation.Token, Progress = progress };
        FluentActions.Invoking(() => Make("PGD").Perturb(Network, Images, Labels, context)).Should().Throw<OperationCanceledException>();
        WeightsAreTheirOwn();
    }

    [Fact]
    public void Perturb_ChannelsLast_LeavesNoTensor()
    {
        var attack = Make("PGD");
        LeakAssert.None(() =>
        {
            attack.Perturb(Network, Images, Labels, _channelsLast).Dispose();
            using var noGrad = no_grad();
            foreach (var parameter in Network.parameters()) parameter.mul_(1.01);
        });
    }

    [Fact]
    public void MemoryFormat_UnknownValue_IsRefusedByName() =>
        FluentActions.Invoking(() => new AttackContext { MemoryFormat = (MemoryFormat)7 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*MemoryFormat*");

    private void WeightsAreTheirOwn() =>
        Network.modules().OfType<Conv2d>().Select(convolution => convolution.weight.Handle).Should()
            .BeSubsetOf(Network.parameters().Select(parameter => parameter.Handle)).And.NotBeEmpty();
}
