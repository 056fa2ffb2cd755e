using Xunit.Sdk;

namespace Ardir.Tests;

/// <summary>A fact that learns only while it runs whether it can be tried; where it cannot, it throws <see cref="SkipTestException"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Ardir.Tests.SkippableFactDiscoverer", "Ardir.Tests")]
internal sealed class SkippableFactAttribute : FactAttribute;
