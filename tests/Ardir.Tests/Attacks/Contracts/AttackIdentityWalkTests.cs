using System.Reflection;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A state file tells two evaluations apart by any option of any attack, however deep it is nested.</summary>
public sealed class AttackIdentityWalkTests
{
    private static readonly ThreatModel _threat = ThreatModel.L2(0.5);

    private static readonly Dictionary<string, (object Options, Func<object, IAttack> Create)> _table = new()
    {
        ["FGSM"] = (new FgsmOptions { StepSize = 0.25 }, options => new FgsmAttack(_threat, (FgsmOptions)options)),
        ["MI-FGSM"] = (new MiFgsmOptions { StepSize = 0.25 }, options => new MiFgsmAttack(_threat, (MiFgsmOptions)options)),
        ["PGD"] = (new PgdOptions { StepSize = 0.25 }, options => new PgdAttack(_threat, (PgdOptions)options)),
        ["APGD"] = (new ApgdOptions(), options => new ApgdAttack(_threat, (ApgdOptions)options)),
        ["APGD-T"] = (new TargetedApgdOptions(), options => new TargetedApgdAttack(_threat, (TargetedApgdOptions)options)),
        ["FAB"] = (new FabOptions(), options => new FabAttack(_threat, (FabOptions)options)),
        ["FAB-T"] = (new TargetedFabOptions(), options => new TargetedFabAttack(_threat, (TargetedFabOptions)options)),
        ["Square"] = (new SquareOptions { Loss = AttackLoss.Dlr }, options => new SquareAttack(_threat, (SquareOptions)options)),
        ["DeepFool"] = (new DeepFoolOptions(), options => new DeepFoolAttack(_threat, (DeepFoolOptions)options)),
        ["CW"] = (new CarliniWagnerOptions(), options => new CarliniWagnerAttack(_threat, (CarliniWagnerOptions)options)),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Identity_AnyOptionChanged_Differs(string row)
    {
        var (options, create) = _table[row];
        var original = StatedIdentity.Of(create(options));
        StatedIdentity.Of(create(Copy(options))).Should().Be(original, "equal options are the same attack");
        var changed = Changed(options).ToList();
        changed.Should().HaveCountGreaterThan(2);
        foreach (var (name, other) in changed) StatedIdentity.Of(create(other)).Should().NotBe(original, name);
        changed.Select(pair => StatedIdentity.Of(create(pair.Options))).Should().OnlyHaveUniqueItems();
    }

    // Copies of a record, each with another value in one property.
    private static IEnumerable<(string Name, object Options)> Changed(object options)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Instance | BindingFlags.Public))
        {
            var value = property.GetValue(options);
            var others = value is RestartOptions ? Changed(value) : [(property.Name, Other(value))];
            foreach (var (name, other) in others)
            {
                var copy = Copy(options);
                property.SetValue(copy, other);
                yield return (name, copy);
            }
        }
    }

    private static object Other(object? value) => value switch
    {
        int number => number + 1,
        bool flag => !flag,
        double number => number == 1 ? 0.5 : number == 0 ? 0.25 : number * (number < 1 ? 0.5 : 2),
        RandomStart => RandomStart.Gaussian,
        PgdSelection => PgdSelection.BestLoss,
        IAttackLoss => AttackLoss.Margin,
        _ => throw new InvalidOperationException($"Give another value for {value}."),
    };

    private static object Copy(object record) => record.GetType().GetMethod("<Clone>$")!.Invoke(record, null)!;
}
