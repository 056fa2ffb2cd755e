using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Losses that change what belongs to all threads, modes and hooks, beside the other shards of their attack.</summary>
public sealed class ShardedLossTests() : AttacksOnASmallNetwork(Count)
{
    private const int Count = 8;

    private const int Runs = 25;

    [Fact]
    public void Perturb_TeacherInTrainMode_IsAskedInEvalModeByAllShards()
    {
        using var teacher = TrainingWorld.Network(8);
        teacher.to(ScalarType.Float64);
        teacher.train();
        var before = TrainingWorld.State(teacher);
        var attack = new PgdAttack(Threat, new PgdOptions { Steps = 1, Loss = AttackLoss.KlToTeacher(teacher) });
        using var plain = attack.Perturb(Network, Images, Labels);
        for (var run = 0; run < Runs; run++)
        {
            using var found = attack.Perturb(Network, Images, Labels, new AttackContext { Shards = Count });
            TensorAssert.Close(found, plain, 1e-9);
            teacher.modules().Should().OnlyContain(module => module.training);
        }
        TrainingWorld.SameState(TrainingWorld.State(teacher), before);
    }

    [Fact]
    public void Perturb_LossThatTapsLayers_FindsTheSamePoints()
    {
        using var teacher = TrainingWorld.Network(8);
        teacher.to(ScalarType.Float64);
        teacher.eval();
        var attack = new PgdAttack(Threat, new PgdOptions { Steps = 3, Loss = new ArdirAttackLoss(Network, teacher) });
        using var plain = attack.Perturb(Network, Images, Labels);
        for (var run = 0; run < Runs; run++)
        {
            using var found = attack.Perturb(Network, Images, Labels, new AttackContext { Shards = 4 });
            TensorAssert.Close(found, plain, 1e-9);
        }
        TrainingWorld.Hooks(Network).Should().Be(0);
    }

    [Fact]
    public void AutomaticShards_LeaveTheGlobalGeneratorAlone_AndMeasureOnceForAllBatchSizes()
    {
        var calls = 0;
        using var noisy = new FuncModel(x => { Interlocked.Increment(ref calls); using var noise = rand(1); return Network.call(x); }, Network);
        noisy.eval();
        long Calls(int count)
        {
            var start = calls;
            var before = TensorAssert.Values(torch.random.get_rng_state());
            ShardPlan.Count(new AttackContext { Shards = AttackShards.Automatic }, noisy, Images[..count]);
            TensorAssert.Values(torch.random.get_rng_state()).Should().Equal(before);
            return calls - start;
        }
        var threads = get_num_threads();
        try
        {
            set_num_threads(2);
            Calls(8).Should().BePositive();
            Calls(6).Should().Be(0);
        }
        finally
        {
            set_num_threads(threads);
        }
    }
}
