using System.Reflection;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A run is recognised by the properties of its options, so every one of them must change the text.</summary>
public sealed class OptionIdentityTests
{
    public static TheoryData<object> Options => new()
    {
        new ArdirLossOptions(), new KlDivergenceLossOptions(), new LpipsInternalLossOptions(), new ArdLossOptions(), new KdLossOptions(), new FitNetsLossOptions(),
        new TradesLossOptions(), new MartLossOptions(), new RsladLossOptions(), new IadLossOptions(), new IadTwoTeacherLossOptions(), new Akd2LossOptions(),
        new InnerMaximization(), new CosineSchedule(), new LinearSchedule(), new OneCycleSchedule(), new AdversarialWeightPerturbation(),
        new ExponentialMovingAverage(), new StochasticWeightAveraging(), new ImageAugmentation(), new SgdOptimizer(), new AdamOptimizer(), new AdamWOptimizer(),
    };

    [Theory, MemberData(nameof(Options))]
    public void Of_EveryPropertyOfARecord_ChangesTheText(object options)
    {
        var before = StatedIdentity.Of(options);
        var properties = options.GetType().GetProperties().Where(property => property.SetMethod is not null).ToList();
        properties.Should().NotBeEmpty();
        foreach (var property in properties)
        {
            var changed = Copy(options);
            property.SetValue(changed, Another(property.PropertyType, property.GetValue(options)));
            StatedIdentity.Of(changed).Should().NotBe(before, property.Name);
        }
        StatedIdentity.Of(Copy(options)).Should().Be(before, "equal options have equal texts");
    }

    [Fact]
    public void Options_OfEveryObjective_AreAmongThem()
    {
        var records = typeof(ArdirLossOptions).Assembly.GetExportedTypes().Where(type => type.Name.EndsWith("LossOptions", StringComparison.Ordinal));
        records.Should().BeSubsetOf(((IEnumerable<object[]>)Options).Select(row => row[0].GetType()));
    }

    private static object Copy(object record) =>
        record.GetType().GetMethod("<Clone>$", BindingFlags.Instance | BindingFlags.Public)!.Invoke(record, null)!;

    private static object Another(Type type, object? value) => (Nullable.GetUnderlyingType(type) ?? type, value) switch
    {
        (_, bool yes) => !yes,
        (_, int number) => number + 1,
        (_, double number) => number == 0 ? 0.25 : number * 0.75,
        (_, Enum choice) => Enum.GetValues(choice.GetType()).Cast<object>().First(other => !other.Equals(choice)),
        ({ IsEnum: true } choices, null) => Enum.GetValues(choices).GetValue(1)!,
        (var number, null) when number == typeof(double) => 0.5,
        (var list, _) when list == typeof(IReadOnlyList<string>) => new[] { "layer1", "another" },
        (var list, _) when list == typeof(IReadOnlyList<double>) => new[] { 0.5, 2 },
        (var adapters, _) when adapters == typeof(FeatureAdapters) => FeatureAdapters.Create([[1]], [[2]]),
        (_, { } record) => Changed(record),
        _ => throw new InvalidOperationException($"No other value of {type} is known; add one."),
    };

    private static object Changed(object record)
    {
        var copy = Copy(record);
        var property = copy.GetType().GetProperties().First(property => property.SetMethod is not null);
        property.SetValue(copy, Another(property.PropertyType, property.GetValue(copy)));
        return copy;
    }
}
